import type { CircuitSettings } from '../../core/index.ts';
import { Breaker } from './breaker.ts';

const UNBOUNDED = Number.POSITIVE_INFINITY;

/** What one class has under way to one upstream, and may have. */
export class Circuit {
  readonly breaker: Breaker | undefined;
  readonly #maxRequests: number;
  readonly #maxPending: number;
  readonly #maxRetries: number;
  requests = 0;
  pending = 0;
  retries = 0;

  constructor({ maxRequests, maxPending, maxRetries, failures }: CircuitSettings) {
    this.#maxRequests = maxRequests ?? UNBOUNDED;
    this.#maxPending = maxPending ?? UNBOUNDED;
    this.#maxRetries = maxRetries ?? UNBOUNDED;
    this.breaker = failures === undefined ? undefined : new Breaker(failures);
  }

  get full(): boolean {
    return this.requests >= this.#maxRequests;
  }

  /** Whether more wait for a connection than may. */
  get pendingOver(): boolean {
    return this.pending > this.#maxPending;
  }

  get retriesFull(): boolean {
    return this.retries >= this.#maxRetries;
  }
}
