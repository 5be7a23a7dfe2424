import { AMQP_FIXED_LIMITS } from './limits.ts';

/**
 * The deliveries of a channel that nobody governs, which the client has and has not settled. Tags are the broker's own. Only so many are
 * remembered; what is beyond is settled all the same, and not counted.
 */
export class Unsettled<T> {
  /** By tag, ascending. */
  readonly #byTag = new Map<number, T>();
  /** The last tag that the broker used. */
  lastTag = 0;
  /** Whether some delivery was not remembered. */
  incomplete = false;

  get size(): number {
    return this.#byTag.size;
  }

  /** @returns whether there was room to remember it */
  add(tag: number, delivery: T): boolean {
    this.lastTag = tag;
    if (this.#byTag.size >= AMQP_FIXED_LIMITS.unsettledDeliveries) {
      this.incomplete = true;
      return false;
    }
    this.#byTag.set(tag, delivery);
    return true;
  }

  /** Takes out what a method of the client settles; tag 0 with `multiple` is all (AMQP 0-9-1, `basic.ack`). */
  settle(tag: number, multiple: boolean): (readonly [number, T])[] {
    if (!multiple) {
      const delivery = this.#byTag.get(tag);
      if (delivery === undefined) return [];
      this.#byTag.delete(tag);
      return [[tag, delivery]];
    }
    const settled: (readonly [number, T])[] = [];
    for (const entry of this.#byTag) {
      if (tag !== 0 && entry[0] > tag) break;
      settled.push(entry);
      this.#byTag.delete(entry[0]);
    }
    return settled;
  }

  /** Puts back what a transaction that was rolled back had settled. */
  restore(settled: readonly (readonly [number, T])[]): void {
    const all = [...this.#byTag, ...settled].sort(([a], [b]) => a - b);
    this.#byTag.clear();
    for (const [tag, delivery] of all) this.#byTag.set(tag, delivery);
  }

  entries(): Iterable<readonly [number, T]> {
    return this.#byTag;
  }

  /** Takes all out. */
  clear(): (readonly [number, T])[] {
    return this.settle(0, true);
  }
}
