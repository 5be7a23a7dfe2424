/** Below this a penalty counts as none, or it would never be gone. Routers that damp by RFC 2439 forget a route below half of the reuse limit likewise. */
const FORGOTTEN = 0.125;

/**
 * The figure of merit of route-flap damping (RFC 2439, section 4): each change costs 1, and what has been charged halves in a fixed
 * time. Unlike there, it doesn't suppress a route after the fact: a change that would exceed the limit isn't made.
 */
export class Penalty {
  readonly #halfLifeMs: number;
  readonly #ceiling: number;
  #value = 0;
  #atMs = 0;

  /** @param ceiling it never rises above, so that there is a longest time of suppression, as in RFC 2439 */
  constructor(halfLifeMs: number, ceiling: number) {
    this.#halfLifeMs = halfLifeMs;
    this.#ceiling = ceiling;
  }

  value(nowMs: number): number {
    const now = this.#value * 2 ** (-Math.max(0, nowMs - this.#atMs) / this.#halfLifeMs);
    return now < FORGOTTEN ? 0 : now;
  }

  charge(nowMs: number): void {
    this.#value = Math.min(this.value(nowMs) + 1, this.#ceiling);
    this.#atMs = nowMs;
  }

  /** From when on one more change stays within the limit (1 at least); not before `nowMs`. */
  allowedAtMs(limit: number, nowMs: number): number {
    const room = Math.max(limit - 1, FORGOTTEN);
    const value = this.value(nowMs);
    return value <= limit - 1 ? nowMs : nowMs + this.#halfLifeMs * Math.log2(value / room) + 1;
  }

  /** Takes over what another one was charged, where that is more. */
  inherit(other: Penalty, nowMs: number): void {
    this.#value = Math.min(Math.max(this.value(nowMs), other.value(nowMs)), this.#ceiling);
    this.#atMs = nowMs;
  }
}
