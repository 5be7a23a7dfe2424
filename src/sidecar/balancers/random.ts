import type { BalancerKind } from './balancer.ts';
import { WeightedSampler } from './sampler.ts';

/** By lot, as often as the weights say: knows nothing and remembers nothing, and so never herds. */
export const randomByWeight: BalancerKind = {
  name: 'random',
  hashes: false,
  timed: false,
  over(candidates, random) {
    const sampler = new WeightedSampler(candidates, random);
    return { pick: (classIndex, _hash, tried) => sampler.draw(classIndex, tried) };
  },
};
