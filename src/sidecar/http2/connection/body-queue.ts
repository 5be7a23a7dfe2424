import { giveBuffer, takeBuffer } from './buffer-pool.ts';

const NOTHING = Buffer.alloc(0);
/** A queue that has grown beyond this gives its memory back when its body is over. */
const KEPT_BYTES = 1024;

/** Who sent what a queue holds, and is told when it may send more. */
export interface BodySource {
  credit(bytes: number): void;
}

/** The bytes of one body that have come and could not yet be sent on. The windows of flow control bound it. */
export class BodyQueue {
  bytes: Buffer = NOTHING;
  start = 0;
  end = 0;
  /** No more bytes come. */
  ended = false;
  /** Trailers come behind the last byte. */
  trailers = false;
  /** Where the bytes come from; undefined for bodies of our own. */
  source: BodySource | undefined;
  /** How many bytes from the beginning of the body are kept at most, for sending it again; 0: none. */
  #keepBytes = 0;

  get length(): number {
    return this.end - this.start;
  }

  /** Starts on another body. @param keepBytes so many bytes may be sent again by {@link rewind} */
  begin(source: BodySource | undefined, keepBytes: number): void {
    this.start = 0;
    this.end = 0;
    this.ended = false;
    this.trailers = false;
    this.source = source;
    this.#keepBytes = keepBytes;
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    if (this.end + count > this.#keepBytes) this.#keepBytes = 0;
    if (this.start === this.end && this.#keepBytes === 0) {
      this.start = 0;
      this.end = 0;
    }
    if (this.end + count > this.bytes.length) this.#makeRoom(count);
    this.bytes.set(bytes.subarray(start, end), this.end);
    this.end += count;
  }

  #makeRoom(count: number): void {
    const from = this.#keepBytes > 0 ? 0 : this.start;
    const kept = this.end - from;
    const { bytes } = this;
    if (kept + count <= bytes.length) {
      bytes.copyWithin(0, from, this.end);
    } else {
      this.bytes = takeBuffer(kept + count);
      this.bytes.set(bytes.subarray(from, this.end));
      if (bytes !== NOTHING) giveBuffer(bytes);
    }
    this.start -= from;
    this.end = kept;
  }

  /** Whether a piece may go past the queue: nothing waits in it, and nothing is kept for sending it again. */
  get isClear(): boolean {
    return this.start === this.end && this.#keepBytes === 0;
  }

  /** `count` bytes have been sent on. */
  take(count: number): void {
    this.start += count;
    this.source?.credit(count);
  }

  /** Whether {@link rewind} can start over. */
  get repeatable(): boolean {
    return this.start === 0 || this.#keepBytes > 0;
  }

  /** Everything that came is to be sent again. What is sent again is not credited again. */
  rewind(): void {
    this.source?.credit(-this.start);
    this.start = 0;
  }

  /** Nothing will be sent again. */
  forget(): void {
    this.#keepBytes = 0;
  }

  /** Nobody takes what is here: its sender is credited, and the memory of a large body is given back. */
  discard(): void {
    if (this.end > this.start) this.source?.credit(this.end - this.start);
    this.source = undefined;
    this.start = 0;
    this.end = 0;
    if (this.bytes.length > KEPT_BYTES) {
      giveBuffer(this.bytes);
      this.bytes = NOTHING;
    }
  }
}
