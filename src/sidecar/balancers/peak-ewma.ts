import type { BalancerKind, Candidate } from './balancer.ts';
import { WeightedSampler } from './sampler.ts';

/** Counts as its latency while a first request is at an endpoint of which nothing is known: it gets one, and no second before the answer. */
const UNKNOWN_MS = 1e6;

function cost(candidate: Candidate, classIndex: number): number {
  const { inFlight } = candidate;
  const expectedMs = candidate.expectedMs();
  if (expectedMs === 0) return inFlight === 0 ? 0 : UNKNOWN_MS + inFlight;
  return (expectedMs * (inFlight + 1)) / candidate.weightFor(classIndex);
}

/**
 * Of two endpoints chosen at random the one at which the request will probably wait less: its latency as it was lately, times those who are
 * already there (Finagle's `p2cPeakEwma`, after Vattani, Chierichetti and Lowenstein; the default of Linkerd).
 */
export const peakEwma: BalancerKind = {
  name: 'peak-ewma',
  hashes: false,
  timed: true,
  over(candidates, random) {
    const sampler = new WeightedSampler(candidates, random);
    return {
      pick(classIndex, _hash, tried) {
        const one = sampler.draw(classIndex, tried);
        if (one < 0) return -1;
        const other = sampler.other(one, tried);
        if (other < 0) return one;
        const mine = cost(candidates[one] as Candidate, classIndex);
        return cost(candidates[other] as Candidate, classIndex) < mine ? other : one;
      },
    };
  },
};
