import { setTimeout as delay } from 'node:timers/promises';
import { abortError } from './errors.ts';

/** Time, handed in so that tests can hold it still. */
export interface Clock {
  /** Milliseconds with fractions since an arbitrary instant; never goes backwards. CLOCK_MONOTONIC on Linux, so values of two processes on one machine compare. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch; may jump. */
  wallMs(): number;
  /** Resolves after `ms`; rejects with ABORTED when the signal fires first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock. `nowMs` reads CLOCK_MONOTONIC (clock_gettime(2)). */
export const systemClock: Clock = {
  nowMs: () => Number(process.hrtime.bigint()) / 1e6,
  wallMs: () => Date.now(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      if (signal?.aborted === true) throw abortError(signal);
      throw error;
    }
  },
};
