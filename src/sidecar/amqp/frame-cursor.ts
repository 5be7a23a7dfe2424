import { type FrameFault, FrameScanner } from './protocol/index.ts';

/** A frame where it stands in an input: found by {@link find}, valid until the next. */
export class FrameCursor {
  readonly #scanner = new FrameScanner();
  bytes: Buffer = Buffer.alloc(0);
  /** Where the frame begins. */
  start = 0;
  type = 0;
  channel = 0;
  payloadStart = 0;
  payloadEnd = 0;
  /** Where it ends; of one that is incomplete, where it will, or -1 while that is unknown. */
  end = -1;

  /** Finds the frame that begins at `start`. */
  find(
    bytes: Buffer,
    start: number,
    end: number,
    maxFrameBytes: number,
  ): 'frame' | 'incomplete' | FrameFault {
    const scanner = this.#scanner;
    const found = scanner.scan(bytes, start, end, maxFrameBytes);
    this.bytes = bytes;
    this.start = start;
    this.type = scanner.type;
    this.channel = scanner.channel;
    this.payloadStart = scanner.payloadStart;
    this.payloadEnd = scanner.payloadEnd;
    this.end = scanner.frameEnd;
    return found;
  }

  /** A copy of the whole frame. */
  copy(): Buffer {
    return Buffer.from(this.bytes.subarray(this.start, this.end));
  }
}

/** What is to be done with a frame: let it pass as it is; leave it out, because something else was sent in its place or nothing is to be; come back to it later. */
export const VERDICT = { pass: 0, drop: 1, hold: 2 } as const;

/** One of {@link VERDICT}. */
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];
