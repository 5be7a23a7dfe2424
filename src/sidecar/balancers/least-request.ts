import type { BalancerKind, Candidate } from './balancer.ts';

function nextEligible(candidates: readonly Candidate[], from: number): number {
  for (let step = 0; step < candidates.length; step += 1) {
    const index = (from + step) % candidates.length;
    if (candidates[index]?.eligible === true) return index;
  }
  return -1;
}

/**
 * The less loaded of two endpoints chosen at random: nearly as good as looking at all, without their herding
 * (Mitzenmacher, "The power of two choices in randomized load balancing", 2001).
 */
export const leastRequest: BalancerKind = {
  name: 'least-request',
  create(random) {
    return {
      pick(candidates) {
        const count = candidates.length;
        if (count === 0) return -1;
        if (count === 1) return candidates[0]?.eligible === true ? 0 : -1;
        const one = nextEligible(candidates, random.below(count));
        if (one < 0) return -1;
        const other = nextEligible(candidates, (one + 1 + random.below(count - 1)) % count);
        const load = candidates[one]?.inFlight ?? 0;
        return (candidates[other]?.inFlight ?? 0) < load ? other : one;
      },
    };
  },
};
