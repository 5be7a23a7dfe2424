import { FIRST_CREDIT_BYTES, MAX_CREDIT_BYTES, MAX_DATA_BYTES } from './frames.ts';
import type { LinkOutput } from './output.ts';

/** What a sender needs of its stream and the link. */
export interface SendingStream {
  readonly id: number;
  readonly classIndex: number;
  readonly output: LinkOutput;
  /** The link is full: `pump` is to be called when it has room. */
  holdBack(): void;
}

/** Bytes that could not be sent yet. */
interface Waiting {
  readonly bytes: Buffer;
  start: number;
  readonly end: number;
}

/** What a stream sends: within its credit and the room of the link, and what waits for either. */
export class StreamSender {
  readonly #stream: SendingStream;
  #credit = FIRST_CREDIT_BYTES;
  #waiting: Waiting[] | undefined;
  /** The class of the frames that wait for the next write, and which write that is. */
  #laneClass = 0;
  #laneTurn = -1;
  /** Bytes that wait. */
  unsentBytes = 0;

  constructor(stream: SendingStream) {
    this.#stream = stream;
  }

  /** Sends what can be sent; the rest, which nobody may write over, waits. @returns whether nothing waits */
  write(bytes: Buffer, start: number, end: number): boolean {
    const sent = this.#waiting === undefined ? this.#writeNow(bytes, start, end) : start;
    if (sent === end) return this.#waiting === undefined;
    this.#waiting ??= [];
    this.#waiting.push({ bytes, start: sent, end });
    this.unsentBytes += end - sent;
    return false;
  }

  /** Sends a frame behind the data that has been sent. */
  frame(type: number, payload?: Buffer): void {
    const { output, id } = this.#stream;
    output.inClass(this.#lane(), type, id, payload);
  }

  /** @returns false when that is more credit than there may be */
  addCredit(count: number): boolean {
    this.#credit += count;
    return this.#credit <= MAX_CREDIT_BYTES;
  }

  /** Sends on what had to wait. @returns whether something had to wait, and nothing does any more */
  pump(): boolean {
    const waiting = this.#waiting;
    if (waiting === undefined) return false;
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      const sent = this.#writeNow(first.bytes, first.start, first.end);
      this.unsentBytes -= sent - first.start;
      first.start = sent;
      if (sent < first.end) return false;
      waiting.shift();
    }
    this.#waiting = undefined;
    return true;
  }

  /** Forgets what waits. */
  drop(): void {
    this.#waiting = undefined;
    this.unsentBytes = 0;
  }

  /** @returns how far it came */
  #writeNow(bytes: Buffer, start: number, end: number): number {
    const { output, id } = this.#stream;
    let at = start;
    while (at < end && this.#credit > 0) {
      if (!output.hasRoom) {
        this.#stream.holdBack();
        break;
      }
      const count = Math.min(end - at, MAX_DATA_BYTES, this.#credit);
      output.data(this.#lane(), id, bytes, at, at + count);
      this.#credit -= count;
      at += count;
    }
    return at;
  }

  /** Frames of one stream keep their order: until the next write they stay in the lane that the first of them is in. */
  #lane(): number {
    const { output, classIndex } = this.#stream;
    const { turn } = output;
    if (this.#laneTurn !== turn) {
      this.#laneTurn = turn;
      this.#laneClass = classIndex;
    }
    return this.#laneClass;
  }
}
