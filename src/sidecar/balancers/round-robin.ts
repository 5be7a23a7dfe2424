import type { BalancerKind } from './balancer.ts';

/** Each endpoint in turn. */
export const roundRobin: BalancerKind = {
  name: 'round-robin',
  create() {
    let last = -1;
    return {
      pick(candidates) {
        for (let step = 1; step <= candidates.length; step += 1) {
          const index = (last + step) % candidates.length;
          if (candidates[index]?.eligible === true) {
            last = index;
            return index;
          }
        }
        return -1;
      },
    };
  },
};
