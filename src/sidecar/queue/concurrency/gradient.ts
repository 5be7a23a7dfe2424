import type { LimitAlgorithm } from './limit-algorithm.ts';

/** What takes up to this many times as long as without load counts as not queued. */
const TOLERANCE = 1.3;
/** The steepest step down: to half. */
const LEAST_GRADIENT = 0.5;
/** The share of the new value in each step. */
const SMOOTHING = 0.2;

/**
 * Gradient2 of Netflix's concurrency-limits (`Gradient2Limit`, github.com/Netflix/concurrency-limits): the limit goes with the ratio of the time
 * without load to the time now, and tries a few more (the square root of the limit, as its forerunner and Envoy's adaptive concurrency do) while
 * that ratio says that nothing queues. It differs in what "without load" is: measured, by probes, and not a long average, which rises with a
 * lasting overload until that looks normal; and in that it adds nothing while it goes down, so that it comes to rest at the tolerance.
 */
export const gradient: LimitAlgorithm = {
  name: 'gradient',
  next(limit, stretch) {
    const slope = Math.max(LEAST_GRADIENT, Math.min(1, TOLERANCE / stretch));
    const aim = slope < 1 ? limit * slope : limit + Math.sqrt(limit);
    return limit + SMOOTHING * (aim - limit);
  },
};
