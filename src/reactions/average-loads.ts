import type { Loads } from './path-view.ts';

/** With this much of a link's rate in use its queue grows on its own (utilization, 0 to 1). */
const FULL = 0.9;
/** The time of calm has so many time constants: bursts are no load, and what was there when it began is forgotten when it ends. */
const TIME_CONSTANTS = 4;

/** What is sent over the paths, averaged (first-order low pass). */
export class AverageLoads {
  readonly #timeConstantMs: number;
  #own = 0;
  /** What all traffic takes; undefined for the present path, and where nothing was seen yet. */
  readonly #all: (number | undefined)[];
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(paths: number, calmMs: number) {
    this.#all = new Array(paths).fill(undefined);
    this.#timeConstantMs = calmMs / TIME_CONSTANTS;
  }

  /** @param here the present path */
  follow({ own, all }: Loads, here: number, nowMs: number): void {
    const weight = 1 - Math.exp(-(nowMs - this.#lastMs) / this.#timeConstantMs);
    this.#lastMs = nowMs;
    this.#own += weight * (own - this.#own);
    for (const path of this.#all.keys()) {
      const load = all[path] ?? 0;
      const before = this.#all[path] ?? load;
      this.#all[path] = path === here ? undefined : before + weight * (load - before);
    }
  }

  /** Whether a path is full without this class; never of the present one. */
  isFull(path: number): boolean {
    return (this.#all[path] ?? 0) > FULL;
  }

  /** Whether a path would not be full with this class. */
  fits(path: number): boolean {
    return this.#own + (this.#all[path] ?? 0) <= FULL;
  }
}
