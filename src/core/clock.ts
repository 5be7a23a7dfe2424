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

/** What `performance.now` counts from, on CLOCK_MONOTONIC: both read that clock, so the difference never changes. */
const ORIGIN_MS = originMs();

/** The difference of two readings, one of which is a little later: the least of some is the closest. */
function originMs(): number {
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 8; attempt += 1) {
    const before = performance.now();
    least = Math.min(least, Number(process.hrtime.bigint()) / 1e6 - before);
  }
  return least;
}

/** The machine's clock. `nowMs` reads CLOCK_MONOTONIC (clock_gettime(2)), through `performance.now`, which is the cheaper way. */
export const systemClock: Clock = {
  nowMs: () => ORIGIN_MS + performance.now(),
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
