import { abortError, type Clock } from '../core/index.ts';

/** A worker that a request holds. */
export interface WorkerLease {
  /** Gives the worker back. Safe to call twice. */
  release(): void;
}

/** What a pool did. */
export interface WorkerStatistics {
  readonly workers: number;
  readonly busy: number;
  readonly waiting: number;
  /** The longest that a request waited for its worker, among those that got one. */
  readonly maxWaitMs: number;
  /** Requests that got a worker. */
  readonly started: number;
  /** Requests that were turned away because too many waited. */
  readonly refused: number;
}

interface Waiter {
  readonly sinceMs: number;
  start(): void;
}

/**
 * The workers of a service, as in a server with a pool of threads: a request that finds none free waits, and those that wait are
 * served in the order of their arrival.
 */
export class WorkerPool {
  readonly #workers: number;
  readonly #maxWaiting: number;
  readonly #clock: Clock;
  // A Set keeps the order of insertion and forgets one that gives up at no cost.
  readonly #waiters = new Set<Waiter>();
  #busy = 0;
  #started = 0;
  #refused = 0;
  #maxWaitMs = 0;

  constructor(workers: number, maxWaiting: number, clock: Clock) {
    this.#workers = workers;
    this.#maxWaiting = maxWaiting;
    this.#clock = clock;
  }

  /** Resolves with a worker, or undefined when too many wait already; rejects with ABORTED when the signal fires first. */
  async acquire(signal: AbortSignal): Promise<WorkerLease | undefined> {
    if (signal.aborted) throw abortError(signal);
    if (this.#busy < this.#workers) {
      this.#busy += 1;
    } else if (this.#waiters.size >= this.#maxWaiting) {
      this.#refused += 1;
      return undefined;
    } else {
      await this.#wait(signal);
    }
    this.#started += 1;
    return this.#lease();
  }

  statistics(): WorkerStatistics {
    return {
      workers: this.#workers,
      busy: this.#busy,
      waiting: this.#waiters.size,
      maxWaitMs: this.#maxWaitMs,
      started: this.#started,
      refused: this.#refused,
    };
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sinceMs = this.#clock.nowMs();
      const giveUp = () => {
        this.#waiters.delete(waiter);
        reject(abortError(signal));
      };
      const waiter: Waiter = {
        sinceMs,
        start: () => {
          signal.removeEventListener('abort', giveUp);
          this.#maxWaitMs = Math.max(this.#maxWaitMs, this.#clock.nowMs() - sinceMs);
          resolve();
        },
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiters.add(waiter);
    });
  }

  #lease(): WorkerLease {
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        const [next] = this.#waiters;
        if (next === undefined) {
          this.#busy -= 1;
          return;
        }
        // The worker passes on without becoming free, so that nobody who arrives now overtakes.
        this.#waiters.delete(next);
        next.start();
      },
    };
  }
}
