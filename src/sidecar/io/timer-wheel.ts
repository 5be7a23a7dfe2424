import type { Clock } from '../../core/index.ts';

/** How long one slot of the wheel lasts: timeouts are this coarse. */
const TICK_MS = 20;
const SLOTS = 1024;

/**
 * A timeout that is set and moved all the time, embedded in what it watches. Moving it later costs one assignment: the wheel looks
 * at `dueMs` only when the slot of an earlier date comes round.
 */
export class Timeout {
  readonly onDue: (nowMs: number) => void;
  /** When it is due; Infinity when it is off. */
  dueMs = Number.POSITIVE_INFINITY;
  /** The tick whose slot it stands in, -1 when in none. */
  tick = -1;
  previous: Timeout | undefined;
  next: Timeout | undefined;

  constructor(onDue: (nowMs: number) => void) {
    this.onDue = onDue;
  }
}

/** All timeouts of a process behind one interval timer (Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987). */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #slots: (Timeout | undefined)[] = new Array<Timeout | undefined>(SLOTS).fill(undefined);
  #tick: number;
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  #nowMs: number;
  /** How late the last tick came: the lag of the event loop. */
  lagMs = 0;
  #closed = false;
  readonly #due: Timeout[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#nowMs = clock.nowMs();
    this.#tick = Math.floor(this.#nowMs / TICK_MS);
  }

  /** The time at the last tick, at most a tick or a busy turn of the loop old; the time itself while nothing is set and no tick comes. */
  get nowMs(): number {
    if (this.#timer === undefined) this.#nowMs = this.#clock.nowMs();
    return this.#nowMs;
  }

  /** Sets a timeout to be due at `dueMs`; a later date than before costs nothing. */
  set(timeout: Timeout, dueMs: number): void {
    if (this.#closed) return;
    if (this.#timer === undefined) this.#start();
    timeout.dueMs = dueMs;
    const tick = Math.max(Math.ceil(dueMs / TICK_MS), this.#tick + 1);
    if (timeout.tick >= 0) {
      if (timeout.tick <= tick) return;
      this.#unlink(timeout);
    }
    this.#link(timeout, tick);
  }

  /** Turns a timeout off. It stays in its slot until that comes round, so that setting it again is cheap. */
  clear(timeout: Timeout): void {
    timeout.dueMs = Number.POSITIVE_INFINITY;
  }

  /** Takes a timeout out for good. */
  remove(timeout: Timeout): void {
    timeout.dueMs = Number.POSITIVE_INFINITY;
    if (timeout.tick >= 0) this.#unlink(timeout);
  }

  /** Stops the timer; nothing is due any more. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#slots.fill(undefined);
  }

  #link(timeout: Timeout, tick: number): void {
    // A date beyond one turn waits in the last slot and is then put off again.
    const reached = Math.min(tick, this.#tick + SLOTS - 1);
    const slot = reached % SLOTS;
    const head = this.#slots[slot];
    timeout.tick = reached;
    timeout.previous = undefined;
    timeout.next = head;
    if (head !== undefined) head.previous = timeout;
    this.#slots[slot] = timeout;
    this.#count += 1;
  }

  #unlink(timeout: Timeout): void {
    const { previous, next } = timeout;
    if (previous !== undefined) previous.next = next;
    else this.#slots[timeout.tick % SLOTS] = next;
    if (next !== undefined) next.previous = previous;
    timeout.previous = undefined;
    timeout.next = undefined;
    timeout.tick = -1;
    this.#count -= 1;
  }

  #start(): void {
    this.#tick = Math.max(this.#tick, Math.floor(this.nowMs / TICK_MS));
    this.#timer = setInterval(() => this.advance(), TICK_MS);
    this.#timer.unref();
  }

  /** Fires what is due. Called by the wheel's own timer; public for tests with a clock of their own. */
  advance(): void {
    const now = this.#clock.nowMs();
    this.lagMs = Math.max(0, now - this.#nowMs - TICK_MS);
    this.#nowMs = now;
    const last = Math.floor(now / TICK_MS);
    const first = Math.max(this.#tick + 1, last - SLOTS + 1);
    this.#tick = Math.max(this.#tick, last);
    for (let tick = first; tick <= last; tick += 1) this.#fireSlot(tick % SLOTS, now);
    if (this.#count === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #fireSlot(slot: number, now: number): void {
    // Collected first, because what is due may set, clear or remove others of the same slot.
    const due = this.#due;
    for (let timeout = this.#slots[slot]; timeout !== undefined; timeout = timeout.next) {
      if (timeout.tick <= this.#tick) due.push(timeout);
    }
    for (const timeout of due) this.#unlink(timeout);
    for (const timeout of due) {
      if (timeout.dueMs <= now) {
        timeout.dueMs = Number.POSITIVE_INFINITY;
        timeout.onDue(now);
      } else if (timeout.dueMs < Number.POSITIVE_INFINITY) {
        this.set(timeout, timeout.dueMs);
      }
    }
    due.length = 0;
  }
}
