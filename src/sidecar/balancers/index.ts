import type { BalancerKind } from './balancer.ts';
import { leastRequest } from './least-request.ts';
import { maglev } from './maglev.ts';
import { peakEwma } from './peak-ewma.ts';
import { randomByWeight } from './random.ts';
import { ringHash } from './ring-hash.ts';
import { roundRobin } from './round-robin.ts';

export * from './balancer.ts';
export { hashBytes, hashText, mixed } from './hash.ts';
export { PeakEwma } from './latency.ts';

/** Every way of balancing. The first is the default. */
export const BALANCERS: readonly [BalancerKind, ...BalancerKind[]] = [
  leastRequest,
  peakEwma,
  roundRobin,
  randomByWeight,
  ringHash,
  maglev,
];
