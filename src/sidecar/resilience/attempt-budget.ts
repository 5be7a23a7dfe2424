import { SlidingCount } from './sliding-count.ts';

/**
 * How many attempts beyond the first there may be: a share of the requests in a sliding window, and so many a second besides. So an upstream
 * that fails gets little more load than one that does not, and one that is rarely called has retries too (as the RetryBudget of Finagle,
 * and of Linkerd after it: 20 %, 10 a second, over 10 s).
 */
export class AttemptBudget {
  readonly #share: number;
  readonly #floor: number;
  readonly #requests: SlidingCount;
  readonly #taken: SlidingCount;

  constructor(percent: number, minPerSecond: number, windowMs: number) {
    this.#share = percent / 100;
    this.#floor = (minPerSecond * windowMs) / 1000;
    this.#requests = new SlidingCount(windowMs);
    this.#taken = new SlidingCount(windowMs);
  }

  /** A request is sent for the first time. */
  request(nowMs: number): void {
    this.#requests.add(1, nowMs);
  }

  /** Takes one more attempt. @returns whether there was one */
  take(nowMs: number): boolean {
    const allowed = this.#share * this.#requests.sum(nowMs) + this.#floor;
    if (this.#taken.sum(nowMs) + 1 > allowed) return false;
    this.#taken.add(1, nowMs);
    return true;
  }
}
