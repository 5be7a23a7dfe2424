import type { ClassIndex } from '../../../core/index.ts';
import { ResidenceStats } from './residence-stats.ts';

/** Which window of a comparison an epoch belongs to; `only` where there is none to compare with. */
export type EpochSide = 'only' | 'lower' | 'upper';

/** Some consecutive hand-outs into one and the same full window, and what became of them. */
export interface Epoch {
  readonly mark: number;
  readonly window: number;
  /** How many hand-outs it is made of. It is complete when all of them are settled, so that long ones are not missing. */
  readonly size: number;
  readonly side: EpochSide;
  readonly stats: ResidenceStats;
  handedOut: number;
  settled: number;
  closedMs: number;
}

const MIN_SIZE = 8;
const MAX_SIZE = 32;
/** A closed epoch waits so many mean residences, and this time, for stragglers. */
const STRAGGLER_FACTOR = 8;
const STRAGGLER_MS = 1000;
/** Closed epochs that are waited for at once. */
const MAX_CLOSED = 16;

/** Keeps the epochs apart: one is open for hand-outs, some are closed and wait for their deliveries to be settled. */
export class Epochs {
  readonly #closed = new Map<number, Epoch>();
  #open: Epoch | undefined;
  #mark = 0;

  get open(): Epoch | undefined {
    return this.#open;
  }

  /** Forgets all that are not complete: what they would say is no longer asked. */
  restart(): void {
    this.#open = undefined;
    this.#closed.clear();
  }

  begin(window: number, side: EpochSide): void {
    this.#mark += 1;
    this.#open = {
      mark: this.#mark,
      window,
      size: Math.min(MAX_SIZE, Math.max(MIN_SIZE, 2 * window)),
      side,
      stats: new ResidenceStats(),
      handedOut: 0,
      settled: 0,
      closedMs: 0,
    };
  }

  /** Counts a hand-out to the open epoch. @returns the epoch when that closed it */
  handOut(nowMs: number): Epoch | undefined {
    const epoch = this.#open;
    if (epoch === undefined) return undefined;
    epoch.handedOut += 1;
    if (epoch.handedOut < epoch.size) return undefined;
    epoch.closedMs = nowMs;
    this.#open = undefined;
    if (this.#closed.size < MAX_CLOSED) this.#closed.set(epoch.mark, epoch);
    return epoch;
  }

  /** @returns the epoch when that completed it */
  settle(mark: number, classIndex: ClassIndex, residenceMs: number, overtaken: number): Epoch | undefined {
    const epoch = this.#open?.mark === mark ? this.#open : this.#closed.get(mark);
    if (epoch === undefined) return undefined;
    epoch.stats.add(classIndex, residenceMs);
    epoch.stats.overtook(overtaken);
    epoch.settled += 1;
    if (epoch.settled < epoch.size) return undefined;
    this.#closed.delete(mark);
    return epoch;
  }

  /** @returns a closed epoch that has waited for its stragglers long enough */
  expire(nowMs: number, usualMs: number): Epoch | undefined {
    for (const epoch of this.#closed.values()) {
      const patienceMs = STRAGGLER_FACTOR * Math.max(epoch.stats.meanMs, usualMs) + STRAGGLER_MS;
      const ageMs = nowMs - epoch.closedMs;
      if (ageMs <= patienceMs) continue;
      epoch.stats.addStragglers(epoch.size - epoch.settled, ageMs);
      this.#closed.delete(epoch.mark);
      return epoch;
    }
    return undefined;
  }
}
