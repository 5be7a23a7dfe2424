import type { BalancerKind, Candidate } from './balancer.ts';

/**
 * Each endpoint in turn, as often as its weight says and never in a burst: in each round every endpoint earns its weight, and the richest
 * serves and pays for the round (nginx, "Upstream: smooth weighted round-robin balancing", 2012). With equal weights that is plain turns.
 * Looks at every endpoint for each request.
 */
export const roundRobin: BalancerKind = {
  name: 'round-robin',
  hashes: false,
  timed: false,
  over(candidates, random) {
    const count = candidates.length;
    const earned = new Float64Array(count);
    // Not all sidecars begin with the same endpoint.
    const first = count === 0 ? 0 : random.below(count);
    return {
      pick(classIndex, _hash, tried) {
        let best = -1;
        let total = 0;
        for (let step = 0; step < count; step += 1) {
          const index = (first + step) % count;
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
  },
};
