import type { Clock } from '../../core/index.ts';
import { Timeout, type TimerWheel, type Timeout as WheelTimeout } from '../io/index.ts';
import type { QueueEntry } from './queue-entry.ts';
import { type Offer, RequestQueue, type RequestQueueSettings } from './request-queue.ts';

/** How often waiting requests are looked through for passed deadlines. */
const EXPIRY_INTERVAL_MS = 20;

/** Who is told what becomes of waiting requests. */
export interface AdmissionOwner {
  /** A request that waited may run. */
  admitted(entry: QueueEntry, nowMs: number): void;
  /** A request waited longer than its class allows. */
  expired(entry: QueueEntry): void;
  /** A waiting request had to make room for a more important one. */
  displaced(entry: QueueEntry): void;
}

/** A request queue at work: it starts the next request when one ends, and finds passed deadlines with one timeout for all. */
export class Admission {
  readonly queue: RequestQueue;
  readonly #clock: Clock;
  readonly #wheel: TimerWheel;
  readonly #owner: AdmissionOwner;
  readonly #timeout: WheelTimeout;
  readonly #displaced: (entry: QueueEntry) => void;
  readonly #expired: (entry: QueueEntry) => void;
  #filling = false;

  constructor(settings: RequestQueueSettings, clock: Clock, wheel: TimerWheel, owner: AdmissionOwner) {
    this.queue = new RequestQueue(settings);
    this.#clock = clock;
    this.#wheel = wheel;
    this.#owner = owner;
    this.#displaced = (entry) => owner.displaced(entry);
    this.#expired = (entry) => owner.expired(entry);
    this.#timeout = new Timeout((nowMs) => this.#look(nowMs));
  }

  /** Offers a request. On `wait`, the owner hears of it later. */
  offer(entry: QueueEntry, nowMs: number): Offer {
    entry.offeredMs = nowMs;
    const verdict = this.queue.offer(entry, this.#displaced);
    if (verdict === 'wait' && this.#timeout.dueMs === Number.POSITIVE_INFINITY) {
      this.#wheel.set(this.#timeout, nowMs + EXPIRY_INTERVAL_MS);
    }
    return verdict;
  }

  /** A running request has ended: the next ones may start. */
  release(entry: QueueEntry): void {
    this.queue.release(entry);
    this.#fill();
  }

  /** The caller of a waiting request is gone. */
  cancel(entry: QueueEntry): void {
    this.queue.cancel(entry);
  }

  /** Lets a class hold less of the concurrency limit than its row says: see {@link RequestQueue.setShare}. */
  setShare(classIndex: number, percent: number): void {
    this.queue.setShare(classIndex, percent);
    this.#fill();
  }

  #look(nowMs: number): void {
    this.queue.expire(nowMs, this.#expired);
    this.#fill();
    if (this.queue.waiting > 0) this.#wheel.set(this.#timeout, nowMs + EXPIRY_INTERVAL_MS);
  }

  #fill(): void {
    // A request that fails at once releases its place while this loop runs: the loop sees that place by itself.
    if (this.#filling || this.queue.waiting === 0) return;
    this.#filling = true;
    const nowMs = this.#clock.nowMs();
    try {
      for (let entry = this.queue.next(nowMs); entry !== undefined; entry = this.queue.next(nowMs)) {
        if (this.queue.expired(entry, nowMs)) {
          this.queue.release(entry);
          this.#owner.expired(entry);
        } else {
          this.#owner.admitted(entry, nowMs);
        }
      }
    } finally {
      this.#filling = false;
    }
  }
}
