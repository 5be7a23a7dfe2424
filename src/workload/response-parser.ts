import { PriomeshError } from '../core/index.ts';
import { queueWaitOf } from './queue-timing.ts';

const HEAD_LIMIT_BYTES = 32 * 1024;
const LINE_LIMIT_BYTES = 1024;
const TRAILER_LIMIT_LINES = 64;

type State =
  | 'head'
  | 'fixed'
  | 'chunk-size'
  | 'chunk-data'
  | 'chunk-end'
  | 'trailer'
  | 'until-close'
  | 'done';

function refuse(what: string): never {
  throw new PriomeshError('FRAMING_REFUSED', what);
}

/**
 * Reads one HTTP/1.1 response after another from the bytes of a connection (RFC 9112, section 6) and counts the body.
 * Bodies are not kept. A malformed response throws FRAMING_REFUSED.
 */
export class ResponseParser {
  #state: State = 'head';
  #text = '';
  #left = 0;
  #trailers = 0;
  #headRequest = false;

  /** The status of the final response; 0 before its head is complete. */
  status = 0;
  /** Bytes of body, without chunk framing. */
  bodyBytes = 0;
  /** How long the response says that its request waited in a queue, milliseconds; NaN when it does not say. */
  queueWaitMs = Number.NaN;
  /** Whether another request may follow on this connection. */
  reusable = false;

  /** Begins the response to a request of this method. */
  begin(method: string): void {
    this.#state = 'head';
    this.#text = '';
    this.#left = 0;
    this.#trailers = 0;
    this.#headRequest = method === 'HEAD';
    this.status = 0;
    this.bodyBytes = 0;
    this.queueWaitMs = Number.NaN;
    this.reusable = false;
  }

  get done(): boolean {
    return this.#state === 'done';
  }

  /** Reads `bytes[from, to)`; returns where the response ended, or `to`. */
  push(bytes: Buffer, from: number, to: number): number {
    let at = from;
    while (at < to && this.#state !== 'done') {
      switch (this.#state) {
        case 'head':
          at = this.#pushHead(bytes, at, to);
          break;
        case 'fixed':
        case 'chunk-data': {
          const taken = Math.min(this.#left, to - at);
          this.bodyBytes += taken;
          this.#left -= taken;
          at += taken;
          if (this.#left === 0) this.#state = this.#state === 'fixed' ? 'done' : 'chunk-end';
          break;
        }
        case 'until-close':
          this.bodyBytes += to - at;
          at = to;
          break;
        default:
          at = this.#pushLine(bytes, at, to);
      }
    }
    return at;
  }

  /** The connection ended: whether that ends the response too, rather than cutting it short. */
  endsAtClose(): boolean {
    if (this.#state === 'until-close') this.#state = 'done';
    return this.#state === 'done';
  }

  #pushHead(bytes: Buffer, from: number, to: number): number {
    const before = this.#text.length;
    this.#text += bytes.toString('latin1', from, to);
    const end = this.#text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (end === -1 ? this.#text.length > HEAD_LIMIT_BYTES : end > HEAD_LIMIT_BYTES)
      refuse('the head is too long');
    if (end === -1) return to;
    const head = this.#text.slice(0, end);
    this.#text = '';
    this.#readHead(head.split('\r\n'));
    return from + (end + 4 - before);
  }

  #readHead(lines: readonly string[]): void {
    const [statusLine = '', ...fields] = lines;
    const match = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: .*)?$/.exec(statusLine);
    if (match === null) refuse('the status line is malformed');
    const status = Number(match[2]);
    if (status < 200) {
      if (status === 101) refuse('a change of protocol that nobody asked for');
      return;
    }
    let length: number | undefined;
    let chunked = false;
    let close = match[1] === '0';
    for (const field of fields) {
      const colon = field.indexOf(':');
      if (colon <= 0 || /[\s]/.test(field.slice(0, colon))) refuse('a header field is malformed');
      const name = field.slice(0, colon).toLowerCase();
      const value = field.slice(colon + 1).trim();
      if (name === 'content-length') {
        if (!/^\d{1,15}$/.test(value)) refuse('content-length is malformed');
        if (length !== undefined && length !== Number(value)) refuse('two lengths');
        length = Number(value);
      } else if (name === 'transfer-encoding') {
        if (value.toLowerCase() !== 'chunked' || chunked) refuse('an unknown transfer coding');
        chunked = true;
      } else if (name === 'connection') {
        close ||= /(^|,)\s*close\s*(,|$)/i.test(value);
      } else if (name === 'server-timing') {
        this.queueWaitMs = queueWaitOf(value) ?? this.queueWaitMs;
      }
    }
    if (chunked && length !== undefined) refuse('both a length and a transfer coding');
    this.status = status;
    this.reusable = !close;
    if (this.#headRequest || status === 204 || status === 304) {
      this.#state = 'done';
    } else if (chunked) {
      this.#state = 'chunk-size';
    } else if (length === undefined) {
      this.#state = 'until-close';
      this.reusable = false;
    } else {
      this.#left = length;
      this.#state = length === 0 ? 'done' : 'fixed';
    }
  }

  #pushLine(bytes: Buffer, from: number, to: number): number {
    const newline = bytes.subarray(from, to).indexOf(0x0a);
    const end = newline === -1 ? to : from + newline + 1;
    this.#text += bytes.toString('latin1', from, end);
    if (this.#text.length > LINE_LIMIT_BYTES) refuse('a line of chunk framing is too long');
    if (newline === -1) return end;
    if (!this.#text.endsWith('\r\n')) refuse('a line of chunk framing is malformed');
    const line = this.#text.slice(0, -2);
    this.#text = '';
    if (this.#state === 'chunk-end') {
      if (line !== '') refuse('a chunk is longer than it says');
      this.#state = 'chunk-size';
    } else if (this.#state === 'chunk-size') {
      const size = /^([0-9a-fA-F]{1,12})(?:[ \t]*;.*)?$/.exec(line)?.[1];
      if (size === undefined) refuse('a chunk size is malformed');
      this.#left = Number.parseInt(size, 16);
      this.#state = this.#left === 0 ? 'trailer' : 'chunk-data';
    } else if (line === '') {
      this.#state = 'done';
    } else {
      this.#trailers += 1;
      if (this.#trailers > TRAILER_LIMIT_LINES) refuse('too many trailer fields');
    }
    return end;
  }
}
