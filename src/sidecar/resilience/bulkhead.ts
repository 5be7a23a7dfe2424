import type { BulkheadSettings } from '../../core/index.ts';

/** Shares the requests under way to one upstream among the classes, so that one that has become slow does not hold all of them. */
export class Bulkhead {
  readonly #concurrency: number;
  readonly #most: readonly number[];
  readonly #held: Int32Array;
  #total = 0;

  constructor({ concurrency, sharePercent }: BulkheadSettings, classNames: readonly string[]) {
    this.#concurrency = concurrency;
    this.#most = classNames.map((name) =>
      Math.max(1, Math.floor((concurrency * (sharePercent[name] ?? 100)) / 100)),
    );
    this.#held = new Int32Array(classNames.length);
  }

  /** @returns whether there was a place */
  enter(classIndex: number): boolean {
    const held = this.#held[classIndex] ?? 0;
    if (this.#total >= this.#concurrency || held >= (this.#most[classIndex] ?? 0)) return false;
    this.#held[classIndex] = held + 1;
    this.#total += 1;
    return true;
  }

  leave(classIndex: number): void {
    this.#held[classIndex] = (this.#held[classIndex] ?? 0) - 1;
    this.#total -= 1;
  }
}
