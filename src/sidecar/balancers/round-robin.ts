import type { Random } from '../../core/index.ts';
import type { BalancerKind, Candidate, Picker } from './balancer.ts';

/**
 * Endpoints of equal weight. One that is to get less for now, because it starts slowly or its way is congested, is passed over until the
 * shares that it was to get add up to a whole request.
 */
function plainTurns(candidates: readonly Candidate[], random: Random): Picker {
  const count = candidates.length;
  const earned = new Float64Array(count);
  // Not all sidecars begin with the same endpoint.
  let next = count === 0 ? 0 : random.below(count);
  return {
    pick(classIndex, _hash, tried) {
      let passedOver = -1;
      for (let step = 0; step < count; step += 1) {
        const index = next;
        next = index + 1 === count ? 0 : index + 1;
        const candidate = candidates[index] as Candidate;
        if (tried.length > 0 && tried.includes(candidate)) continue;
        const share = candidate.weightFor(classIndex) / candidate.weight;
        if (share >= 1) return index;
        const sum = (earned[index] as number) + share;
        if (sum >= 1) {
          earned[index] = sum - 1;
          return index;
        }
        earned[index] = sum;
        if (passedOver < 0 || sum > (earned[passedOver] as number)) passedOver = index;
      }
      // All are to get less: the one that is nearest to a whole request.
      if (passedOver >= 0) earned[passedOver] = (earned[passedOver] as number) - 1;
      return passedOver;
    },
  };
}

/**
 * Endpoints whose weights differ: in each round every one earns its weight, and the richest serves and pays for the round (nginx, "Upstream:
 * smooth weighted round-robin balancing", 2012). Looks at every endpoint for each request.
 */
function smoothTurns(candidates: readonly Candidate[]): Picker {
  const earned = new Float64Array(candidates.length);
  return {
    pick(classIndex, _hash, tried) {
      let best = -1;
      let total = 0;
      for (let index = 0; index < candidates.length; index += 1) {
        const candidate = candidates[index] as Candidate;
        if (tried.length > 0 && tried.includes(candidate)) continue;
        const weight = candidate.weightFor(classIndex);
        total += weight;
        earned[index] = (earned[index] as number) + weight;
        if (best < 0 || (earned[index] as number) > (earned[best] as number)) best = index;
      }
      if (best >= 0) earned[best] = (earned[best] as number) - total;
      return best;
    },
  };
}

/** Each endpoint in turn, as often as its weight says and never in a burst. */
export const roundRobin: BalancerKind = {
  name: 'round-robin',
  hashes: false,
  timed: false,
  over(candidates, random) {
    const alike = candidates.every(({ weight }) => weight === candidates[0]?.weight);
    return alike ? plainTurns(candidates, random) : smoothTurns(candidates);
  },
};
