import type { Wire } from '../io/index.ts';

/** Pieces up to this size are copied together, so that they leave in one write. */
const SMALL_BYTES = 16 * 1024;
/** How much is copied together at most. */
const COMPOSED_BYTES = 64 * 1024;

/**
 * What leaves on one wire: ranges of what the opposite wire has read, unchanged, with frames of our own in between, in order. Neighbouring
 * ranges grow together, and everything that one read brought leaves with as few writes as can be. A peer that reads slowly stops the
 * opposite wire.
 */
export class Outbox {
  readonly #to: Wire;
  readonly #from: Wire;
  /** A frame of our own, or undefined for a range. */
  readonly #own: (Buffer | undefined)[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #count = 0;
  /** How many bytes have been handed to the wire. */
  sentBytes = 0;

  /** @param from the wire whose input the ranges lie in */
  constructor(to: Wire, from: Wire) {
    this.#to = to;
    this.#from = from;
  }

  /** Lets a range of the opposite wire's input pass. It has to stay where it is until {@link flush}. */
  pass(start: number, end: number): void {
    const last = this.#count - 1;
    if (last >= 0 && this.#own[last] === undefined && this.#ends[last] === start) {
      this.#ends[last] = end;
      return;
    }
    this.#add(undefined, start, end);
  }

  /** Appends bytes of our own; nobody may write over them afterwards. */
  push(bytes: Buffer): void {
    this.#add(bytes, 0, bytes.length);
  }

  #add(own: Buffer | undefined, start: number, end: number): void {
    this.#own[this.#count] = own;
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = end;
    this.#count += 1;
  }

  /** Hands everything to the wire. */
  flush(): void {
    const count = this.#count;
    if (count === 0) return;
    let first = 0;
    while (first < count) first = this.#sendFrom(first);
    this.#count = 0;
    // What was sent must not be kept alive here.
    this.#own.length = 0;
  }

  /** Sends one large piece, or several small ones together. @returns the piece that follows */
  #sendFrom(first: number): number {
    let last = first;
    let bytes = this.#size(first);
    if (bytes <= SMALL_BYTES) {
      while (last + 1 < this.#count) {
        const more = this.#size(last + 1);
        if (more > SMALL_BYTES || bytes + more > COMPOSED_BYTES) break;
        bytes += more;
        last += 1;
      }
    }
    this.sentBytes += bytes;
    if (last > first) {
      this.#to.sendFor(this.#from, this.#compose(first, last, bytes));
      return last + 1;
    }
    const own = this.#own[first];
    if (own !== undefined) this.#to.sendFor(this.#from, own);
    else this.#to.relay(this.#from, this.#start(first), this.#end(first));
    return first + 1;
  }

  #compose(first: number, last: number, bytes: number): Buffer {
    const composed = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (let index = first; index <= last; index += 1) {
      const source = this.#own[index] ?? this.#from.input.bytes;
      at += source.copy(composed, at, this.#start(index), this.#end(index));
    }
    return composed;
  }

  #start(index: number): number {
    return this.#starts[index] ?? 0;
  }

  #end(index: number): number {
    return this.#ends[index] ?? 0;
  }

  #size(index: number): number {
    return this.#end(index) - this.#start(index);
  }
}
