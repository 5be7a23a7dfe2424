import { type Clock, PriomeshError, type Random } from '../../core/index.ts';

const FIRST_MS = 50;
const MOST_MS = 1000;

/** Waits between attempts: twice as long after each failure, between half and all of it by chance, up to one second. */
export class Retry {
  readonly #clock: Clock;
  readonly #random: Random;
  #nextMs = FIRST_MS;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** An attempt succeeded. */
  succeeded(): void {
    this.#nextMs = FIRST_MS;
  }

  /** Waits before the next attempt, or until the signal fires. */
  async wait(signal: AbortSignal): Promise<void> {
    const waitMs = this.#nextMs * (0.5 + this.#random.next() / 2);
    this.#nextMs = Math.min(MOST_MS, 2 * this.#nextMs);
    await pause(this.#clock, waitMs, signal);
  }
}

/** Waits so long, or until the signal fires. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!(error instanceof PriomeshError && error.code === 'ABORTED')) throw error;
  }
}
