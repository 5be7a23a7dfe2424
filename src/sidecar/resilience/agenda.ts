import { Timeout, type TimerWheel, type Timeout as WheelTimeout } from '../io/index.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** What may be due for a request, in the order in which it is looked at. */
export const DATES = { deadline: 0, resume: 1, try: 2, hedge: 3, idle: 4 } as const;

/** The number of one of {@link DATES}. */
export type DateIndex = (typeof DATES)[keyof typeof DATES];

/** The dates of one request behind one timeout of the wheel, so that a request costs one entry there and no allocation. */
export class Agenda {
  readonly #dates = new Float64Array(Object.keys(DATES).length).fill(NEVER);
  readonly #timeout: WheelTimeout;
  readonly #due: (date: DateIndex, nowMs: number) => void;
  #wheel: TimerWheel | undefined;

  /** @param due called for each date that has come; it may set and clear others */
  constructor(due: (date: DateIndex, nowMs: number) => void) {
    this.#due = due;
    this.#timeout = new Timeout((nowMs) => this.#fire(nowMs));
  }

  set(wheel: TimerWheel, date: DateIndex, dueMs: number): void {
    this.#wheel = wheel;
    this.#dates[date] = dueMs;
    // A later date than before needs nothing: the timeout comes earlier, finds nothing due, and is set anew.
    if (dueMs < this.#timeout.dueMs) wheel.set(this.#timeout, dueMs);
  }

  clear(date: DateIndex): void {
    this.#dates[date] = NEVER;
  }

  /** Nothing is due any more. */
  clearAll(): void {
    this.#dates.fill(NEVER);
    this.#wheel?.clear(this.#timeout);
  }

  #fire(nowMs: number): void {
    for (let date = 0; date < this.#dates.length; date += 1) {
      if ((this.#dates[date] as number) > nowMs) continue;
      this.#dates[date] = NEVER;
      this.#due(date as DateIndex, nowMs);
    }
    const next = Math.min(...this.#dates);
    if (next < this.#timeout.dueMs) this.#wheel?.set(this.#timeout, next);
  }
}
