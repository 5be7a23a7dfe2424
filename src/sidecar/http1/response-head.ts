import { CR, FIELD_VALUE, LF, SP } from './characters.ts';
import { FieldLines } from './field-lines.ts';
import { BodyFraming, ConnectionOptions } from './framing.ts';
import { INCOMPLETE, REFUSED } from './refusal.ts';

const VERSION = Buffer.from('HTTP/1.');
const LINES = -1;
const STATUS_LINE_LEAST = 'HTTP/1.1 200'.length;

/** One response head, read strictly. All offsets count from the head's first byte. */
export class ResponseHead {
  readonly lines: FieldLines;
  readonly framing = new BodyFraming();
  readonly connection: ConnectionOptions;
  status = 0;
  minorVersion = 1;
  /** Where the status line ends, after its CRLF. */
  statusLineEnd = 0;
  /** Length of the head with its empty line. */
  length = 0;
  /** Where reading stopped for want of bytes: 0 before the status is read, in the reason phrase by offset, LINES behind the status line. */
  #at = 0;

  constructor(maxFields: number) {
    this.lines = new FieldLines(maxFields);
    this.connection = new ConnectionOptions(maxFields + 1);
  }

  /** An interim response (RFC 9110 section 15.2): another head follows. */
  get interim(): boolean {
    return this.status < 200;
  }

  /**
   * Reads the head that starts at `start`, the answer to a request of which `requestIsHead` says whether it was HEAD. After INCOMPLETE,
   * the next call goes on with the same head, of which more has come; {@link reset} before that of another connection.
   * @returns the absolute offset behind the head, INCOMPLETE, or a negative refusal
   */
  parse(bytes: Uint8Array, start: number, end: number, requestIsHead: boolean): number {
    if (this.#at !== LINES) {
      const afterLine = this.#statusLine(bytes, start, end);
      if (afterLine <= 0) {
        if (afterLine < 0) this.#at = 0;
        return afterLine;
      }
      this.#at = LINES;
      this.statusLineEnd = afterLine - start;
      this.lines.begin(this.statusLineEnd);
    }
    const headEnd = this.lines.scan(bytes, start, end);
    if (headEnd === INCOMPLETE) return INCOMPLETE;
    this.#at = 0;
    if (headEnd < 0) return headEnd;
    this.length = headEnd - start;
    const framing = this.framing.read(bytes, start, this.lines, this.minorVersion);
    if (framing < 0) return framing;
    const options = this.connection.read(bytes, start, this.lines);
    if (options < 0) return options;
    const body = this.#settleBody(requestIsHead);
    return body < 0 ? body : headEnd;
  }

  /** Forgets a head that was not complete. */
  reset(): void {
    this.#at = 0;
  }

  #statusLine(bytes: Uint8Array, start: number, end: number): number {
    if (this.#at === 0) {
      const read = this.#versionAndStatus(bytes, start, end);
      if (read <= 0) return read;
      this.#at = read - start;
    }
    let position = start + this.#at;
    while (position < end && FIELD_VALUE[bytes[position] as number] === 1) position += 1;
    this.#at = position - start;
    if (position >= end) return INCOMPLETE;
    if (bytes[position] !== CR) return bytes[position] === LF ? REFUSED['bare-lf'] : REFUSED['status-line'];
    if (position + 1 >= end) return INCOMPLETE;
    return bytes[position + 1] === LF ? position + 2 : REFUSED['bare-cr'];
  }

  /** @returns where the blank before the reason phrase stands, or the end of the line */
  #versionAndStatus(bytes: Uint8Array, start: number, end: number): number {
    const wanted = Math.min(VERSION.length, end - start);
    for (let index = 0; index < wanted; index += 1) {
      if (bytes[start + index] !== VERSION[index]) return REFUSED['status-line'];
    }
    if (end - start < STATUS_LINE_LEAST + 1) return INCOMPLETE;
    const minor = (bytes[start + 7] as number) - 0x30;
    if ((minor !== 0 && minor !== 1) || bytes[start + 8] !== SP) return REFUSED['status-line'];
    this.minorVersion = minor;
    let status = 0;
    for (let index = start + 9; index < start + 12; index += 1) {
      const digit = (bytes[index] as number) - 0x30;
      if (digit < 0 || digit > 9) return REFUSED['status-line'];
      status = status * 10 + digit;
    }
    if (status < 100 || status > 599) return REFUSED['status-line'];
    this.status = status;
    const next = bytes[start + 12];
    if (next === SP || next === CR) return start + 12;
    return next === LF ? REFUSED['bare-lf'] : REFUSED['status-line'];
  }

  /** Which responses have no body whatever their fields say (RFC 9112 section 6.3). */
  #settleBody(requestIsHead: boolean): number {
    const framing = this.framing;
    if (this.status < 200 || this.status === 204) {
      if (framing.kind === 'chunked' || framing.contentLength > 0) return REFUSED['body-not-allowed'];
      framing.kind = 'none';
      return 0;
    }
    if (requestIsHead || this.status === 304) {
      framing.kind = 'none';
      return 0;
    }
    if (framing.kind === 'none') framing.kind = 'until-close';
    return 0;
  }
}
