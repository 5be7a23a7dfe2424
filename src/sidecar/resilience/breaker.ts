import type { FailureSettings } from '../../core/index.ts';
import { SlidingCount } from './sliding-count.ts';

/** What a breaker says of a request that wants to pass. */
export type Passage = 'closed' | 'probe' | 'open';

/**
 * Opens when too large a share of the requests in a window failed, lets some through after a while, and closes when all of these succeed
 * (Nygard, "Release It!", 2007; the figures as in Hystrix: share, least number, pause).
 */
export class Breaker {
  readonly #settings: FailureSettings;
  readonly #requests: SlidingCount;
  readonly #failures: SlidingCount;
  /** When probes may pass; undefined while it is closed. */
  #openUntilMs: number | undefined;
  #probing = 0;
  #succeeded = 0;
  /** How often it opened. */
  opened = 0;

  constructor(settings: FailureSettings) {
    this.#settings = settings;
    this.#requests = new SlidingCount(settings.windowMs);
    this.#failures = new SlidingCount(settings.windowMs);
  }

  get open(): boolean {
    return this.#openUntilMs !== undefined;
  }

  /** Whether a request may pass now. Each `probe` is to be ended by {@link probed}. */
  pass(nowMs: number): Passage {
    if (this.#openUntilMs === undefined) return 'closed';
    if (nowMs < this.#openUntilMs || this.#probing + this.#succeeded >= this.#settings.probes) return 'open';
    this.#probing += 1;
    return 'probe';
  }

  /** A request that passed while it was closed has ended. */
  ended(failed: boolean, nowMs: number): void {
    if (this.open) return;
    this.#requests.add(1, nowMs);
    if (!failed) return;
    this.#failures.add(1, nowMs);
    const { percent, minRequests } = this.#settings;
    const requests = this.#requests.sum(nowMs);
    if (requests >= minRequests && this.#failures.sum(nowMs) * 100 >= percent * requests) this.#trip(nowMs);
  }

  /** A probe has ended; undefined: its caller went before it could be known how. */
  probed(failed: boolean | undefined, nowMs: number): void {
    if (!this.open) return;
    this.#probing = Math.max(0, this.#probing - 1);
    if (failed === undefined) return;
    if (failed) {
      this.#trip(nowMs);
      return;
    }
    this.#succeeded += 1;
    if (this.#succeeded >= this.#settings.probes) this.#openUntilMs = undefined;
  }

  #trip(nowMs: number): void {
    this.opened += 1;
    this.#openUntilMs = nowMs + this.#settings.openMs;
    this.#succeeded = 0;
    // What was counted led to this; afterwards it is judged anew.
    this.#failures.clear();
    this.#requests.clear();
  }
}
