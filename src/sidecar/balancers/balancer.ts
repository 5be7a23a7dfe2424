import type { BalancerName } from '../../config/index.ts';
import type { Random } from '../../core/index.ts';

/** What a balancer sees of an endpoint. */
export interface Candidate {
  /** Names it for as long as it is there, and on every sidecar alike: `address:port`. */
  readonly label: string;
  /** What its operator gave it, above 0; a change makes new pickers. */
  readonly weight: number;
  /** Requests that are at the endpoint now, from this sidecar. */
  readonly inFlight: number;
  /** What it is to get of a class's requests now: its weight, or less while it starts slowly or its way is congested. Above 0, at most `weight`. */
  weightFor(classIndex: number): number;
  /** How long a request takes there, milliseconds, as a peak-sensitive average; 0 where nothing is known. */
  expectedMs(): number;
}

/** Chooses among a fixed list of endpoints. Allocates nothing. */
export interface Picker {
  /**
   * The index of the chosen endpoint, or -1 when all have been tried.
   * @param hash of the request's key, 32 bits; {@link NO_HASH} where it has none
   * @param tried endpoints that this request is not to be sent to again
   */
  pick(classIndex: number, hash: number, tried: readonly Candidate[]): number;
}

/** A request without a key. */
export const NO_HASH = -1;

/** What of the configuration concerns balancers. */
export interface BalancerSettings {
  /** Points on the ring of the heaviest endpoint. */
  readonly ringPoints: number;
  /** Entries of Maglev's table; a prime. */
  readonly tableSize: number;
}

/** A way of balancing; one file each, listed in index.ts. */
export interface BalancerKind {
  readonly name: BalancerName;
  /** Whether a request's key decides; it is computed for nothing else. */
  readonly hashes: boolean;
  /** Whether the endpoints' latencies are asked for; the clock is read for nothing else. */
  readonly timed: boolean;
  /** Begins to choose among these. What is expensive is made when the first one is asked for. */
  over(candidates: readonly Candidate[], random: Random, settings: BalancerSettings): Picker;
}
