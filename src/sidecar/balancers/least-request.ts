import type { BalancerKind, Candidate } from './balancer.ts';
import { WeightedSampler } from './sampler.ts';

/** Whether `other` is less loaded for its weight. Between two that are idle there is nothing to choose: so weights decide. */
function isLess(other: Candidate, than: Candidate, classIndex: number): boolean {
  if (other.inFlight === 0 && than.inFlight === 0) return false;
  return (
    (other.inFlight + 1) * than.weightFor(classIndex) < (than.inFlight + 1) * other.weightFor(classIndex)
  );
}

/**
 * The less loaded of two endpoints chosen at random: nearly as good as looking at all, without their herding
 * (Mitzenmacher, "The power of two choices in randomized load balancing", 2001). The load is counted for each unit of weight.
 */
export const leastRequest: BalancerKind = {
  name: 'least-request',
  hashes: false,
  timed: false,
  over(candidates, random) {
    const sampler = new WeightedSampler(candidates, random);
    return {
      pick(classIndex, _hash, tried) {
        const one = sampler.draw(classIndex, tried);
        if (one < 0) return -1;
        const other = sampler.other(one, tried);
        if (other < 0) return one;
        return isLess(candidates[other] as Candidate, candidates[one] as Candidate, classIndex) ? other : one;
      },
    };
  },
};
