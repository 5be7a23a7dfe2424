import type { TimerWheel } from '../io/index.ts';
import { LINK_LIMITS } from './limits.ts';

const WINDOW_MS = 1000;

/** Counts what costs work and brings none, within a second. */
export class FloodGuard {
  readonly #wheel: TimerWheel;
  #sinceMs: number;
  #churn = 0;
  #pings = 0;

  constructor(wheel: TimerWheel) {
    this.#wheel = wheel;
    this.#sinceMs = wheel.nowMs;
  }

  /** A stream was given up. @returns whether that was not too many */
  churned(): boolean {
    this.#turn();
    this.#churn += 1;
    return this.#churn <= LINK_LIMITS.churnPerSecond;
  }

  /** @returns whether that was not too many */
  pinged(): boolean {
    this.#turn();
    this.#pings += 1;
    return this.#pings <= LINK_LIMITS.pingsPerSecond;
  }

  #turn(): void {
    const { nowMs } = this.#wheel;
    if (nowMs - this.#sinceMs < WINDOW_MS) return;
    this.#sinceMs = nowMs;
    this.#churn = 0;
    this.#pings = 0;
  }
}
