import { FRAME, FRAME_HEADER_BYTES, headerFault, type LinkFault, readNumber } from './frames.ts';

/** Who is handed the frames. Each answers whether to go on. */
export interface FrameTarget {
  /** A data frame of `length` bytes begins. */
  beginData(stream: number, length: number, classIndex: number): boolean;
  /** Bytes of that frame; it may come in pieces. */
  data(bytes: Buffer, start: number, end: number): boolean;
  /** Any other frame, whole; its payload stands at `at`. */
  frame(type: number, stream: number, classIndex: number, bytes: Buffer, at: number): boolean;
  violated(fault: LinkFault): false;
}

/** Cuts bytes into frames. */
export class FrameReader {
  readonly #target: FrameTarget;
  /** What is missing of the data frame that is being received. */
  #missing = 0;

  constructor(target: FrameTarget) {
    this.#target = target;
  }

  /** @returns up to where the bytes have been read; what is behind has to come again with more */
  read(bytes: Buffer, start: number, end: number): number {
    const target = this.#target;
    let at = start;
    for (;;) {
      if (this.#missing > 0) {
        const count = Math.min(this.#missing, end - at);
        if (count === 0) return at;
        this.#missing -= count;
        at += count;
        if (!target.data(bytes, at - count, at)) return at;
        continue;
      }
      if (end - at < FRAME_HEADER_BYTES) return at;
      const length = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
      const type = bytes[at + 2] as number;
      const classIndex = bytes[at + 3] as number;
      const stream = readNumber(bytes, at + 4);
      const fault = headerFault(type, length, classIndex, stream);
      if (fault !== undefined) {
        target.violated(fault);
        return at;
      }
      const payload = at + FRAME_HEADER_BYTES;
      if (type === FRAME.data) {
        if (!target.beginData(stream, length, classIndex)) return at;
        this.#missing = length;
        at = payload;
        continue;
      }
      if (end - payload < length) return at;
      if (!target.frame(type, stream, classIndex, bytes, payload)) return at;
      at = payload + length;
    }
  }
}
