import net from 'node:net';
import {
  beginHeaders,
  endHeaders,
  FLAG,
  FRAME,
  OutputBuffer,
  PREFACE,
  writeFrameHeader,
} from '../../../../src/sidecar/http2/protocol/index.ts';
import { literals } from '../../../unit/sidecar/http2/literals.ts';

type Field = readonly [name: string, value: string];

/** One frame, with whatever stands in it. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = Buffer.of(),
): Buffer {
  const bytes = Buffer.alloc(9 + payload.length);
  writeFrameHeader(bytes, 0, payload.length, type, flags, streamId);
  bytes.set(payload, 9);
  return bytes;
}

export const SETTINGS: Buffer = frame(FRAME.SETTINGS, 0, 0);
export const OPENING: Buffer = Buffer.concat([PREFACE, SETTINGS]);

/** A number of 32 bits. */
export function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export const GET: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'a'],
];
export const POST: readonly Field[] = [[':method', 'POST'], ...GET.slice(1)];

/** HEADERS with these fields, cut into frames of `maxFrameBytes`. */
export function headers(
  streamId: number,
  fields: readonly Field[],
  endStream = true,
  maxFrameBytes = 16_384,
): Buffer {
  const out = new OutputBuffer();
  const at = beginHeaders(out);
  const block = literals(fields);
  out.append(block, 0, block.length);
  endHeaders(out, at, streamId, endStream, maxFrameBytes);
  return Buffer.from(out.bytes.subarray(0, out.length));
}

/** SETTINGS with one setting. */
export function setting(id: number, value: number): Buffer {
  return frame(FRAME.SETTINGS, 0, 0, Buffer.concat([Buffer.of(id >> 8, id & 255), number(value)]));
}

/** A frame that came. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** A peer that sends any bytes and reads frames. */
export class RawClient {
  readonly frames: Frame[] = [];
  closed = false;
  readonly socket: net.Socket;
  #left = Buffer.alloc(0);
  #waiting: (() => void)[] = [];

  constructor(port: number) {
    this.socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  send(...pieces: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(pieces));
  }

  #read(chunk: Buffer): void {
    this.#left = Buffer.concat([this.#left, chunk]);
    for (;;) {
      if (this.#left.length < 9) break;
      const length = this.#left.readUIntBE(0, 3);
      if (this.#left.length < 9 + length) break;
      this.frames.push({
        type: this.#left[3] ?? 0,
        flags: this.#left[4] ?? 0,
        streamId: this.#left.readUInt32BE(5) & 0x7fff_ffff,
        payload: Buffer.from(this.#left.subarray(9, 9 + length)),
      });
      this.#left = this.#left.subarray(9 + length);
    }
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Resolves with the first frame that is wanted, or undefined when the connection is closed without one. */
  async next(wanted: (frame: Frame) => boolean): Promise<Frame | undefined> {
    for (;;) {
      const found = this.frames.find(wanted);
      if (found !== undefined || this.closed) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The end of a stream: its code where it is reset, `ended` where it is over. */
  async outcome(streamId: number): Promise<number | 'ended' | 'closed'> {
    const last = await this.next(
      ({ type, flags, streamId: id }) =>
        id === streamId &&
        (type === FRAME.RST_STREAM ||
          ((type === FRAME.DATA || type === FRAME.HEADERS) && (flags & FLAG.END_STREAM) !== 0)),
    );
    if (last === undefined) return 'closed';
    return last.type === FRAME.RST_STREAM ? last.payload.readUInt32BE() : 'ended';
  }

  /** With what the connection was ended: the code of GOAWAY; undefined without one. */
  async goaway(): Promise<number | undefined> {
    const found = await this.next(({ type }) => type === FRAME.GOAWAY);
    return found?.payload.readUInt32BE(4);
  }

  /** Resolves when the other end has closed. */
  async gone(): Promise<void> {
    while (!this.closed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
