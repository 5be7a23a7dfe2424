import { leastRequest } from './least-request.ts';
import { roundRobin } from './round-robin.ts';

export * from './balancer.ts';

/** Every way of balancing. The first is the default. */
export const BALANCERS = [leastRequest, roundRobin] as const;
