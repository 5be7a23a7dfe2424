import type { Random } from '../../core/index.ts';

/** What a balancer sees of an endpoint. */
export interface Candidate {
  /** Requests that are at the endpoint now, from this sidecar. */
  readonly inFlight: number;
  /** Whether it may be chosen: not tried already for this request, not out of rotation. */
  readonly eligible: boolean;
}

/** Chooses among the endpoints of one upstream. Allocates nothing. */
export interface Balancer {
  /** The index of the chosen endpoint, or -1 when none is eligible. */
  pick(candidates: readonly Candidate[]): number;
}

/** A way of balancing; one file each, listed in index.ts. */
export interface BalancerKind {
  readonly name: string;
  create(random: Random): Balancer;
}
