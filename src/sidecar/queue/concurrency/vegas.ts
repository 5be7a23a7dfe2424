import type { LimitAlgorithm } from './limit-algorithm.ts';

/** So many requests are to queue inside the application, in steps of the logarithm of the limit: fewer, and the limit grows; more, and it shrinks. */
const FEWEST = 1;
const MOST = 3;

/**
 * TCP Vegas (Brakmo and Peterson, IEEE JSAC 13(8), 1995) for requests, as `VegasLimit` of Netflix's concurrency-limits has it: of `limit`
 * requests, `limit * (1 - baseline / now)` queue; that number is kept between two bounds, a step at a time. The bounds are lower than there
 * (3 and 6), because a sidecar stands before one process and not before a cluster.
 */
export const vegas: LimitAlgorithm = {
  name: 'vegas',
  next(limit, stretch) {
    const step = Math.max(1, Math.log10(limit));
    const queued = limit * (1 - 1 / Math.max(1, stretch));
    if (queued < FEWEST * step) return limit + step;
    return queued > MOST * step ? limit - step : limit;
  },
};
