import type { Clock, Shedding } from '../../core/index.ts';
import { Timeout, type TimerWheel, type Timeout as WheelTimeout } from '../io/index.ts';
import { AdaptiveLimit, type LimitStatistics } from './concurrency/index.ts';
import { OverloadControl } from './overload.ts';
import type { QueueEntry } from './queue-entry.ts';
import { RequestQueue } from './request-queue.ts';
import type { AdmissionSettings } from './settings.ts';

/** How often waiting requests are looked through for passed deadlines. */
const EXPIRY_INTERVAL_MS = 20;

/** Who is told what becomes of waiting requests. */
export interface AdmissionOwner {
  /** A request that waited may run. */
  admitted(entry: QueueEntry, nowMs: number): void;
  /** A request waited longer than its class or its caller allows. */
  expired(entry: QueueEntry): void;
  /** A waiting request had to go for a more important one. */
  displaced(entry: QueueEntry): void;
}

/** What became of an offered request: it runs, it waits, the queue is full, its caller's time is up, or the queue is longer than it may be. */
export type Offer = 'run' | 'wait' | 'refused' | 'too-late' | 'overloaded';

/** What is told of an admission. */
export interface AdmissionStatistics {
  readonly running: number;
  readonly waiting: number;
  readonly limit: number;
  /** Absent where the limit is a number. */
  readonly adaptive?: LimitStatistics;
  /** By line (in fifo mode there is one): for how long its delay has been above the target. Absent where there is no target. */
  readonly overloadedMs?: readonly number[];
}

/** A request queue at work: it starts the next request when one ends, finds passed deadlines with one timeout for all, and keeps its limit fit. */
export class Admission {
  readonly queue: RequestQueue;
  readonly #clock: Clock;
  readonly #wheel: TimerWheel;
  readonly #owner: AdmissionOwner;
  readonly #timeout: WheelTimeout;
  readonly #displaced: (entry: QueueEntry) => void;
  readonly #expired: (entry: QueueEntry) => void;
  readonly #limit: AdaptiveLimit | undefined;
  readonly #overload: OverloadControl | undefined;
  readonly #sheds: Shedding;
  #filling = false;

  constructor(settings: AdmissionSettings, clock: Clock, wheel: TimerWheel, owner: AdmissionOwner) {
    const { adaptive, overload, shedding } = settings;
    this.#sheds = shedding;
    this.queue = new RequestQueue(settings);
    this.#clock = clock;
    this.#wheel = wheel;
    this.#owner = owner;
    this.#displaced = (entry) => owner.displaced(entry);
    this.#expired = (entry) => owner.expired(entry);
    this.#timeout = new Timeout((nowMs) => this.#look(nowMs));
    this.#overload = overload === undefined ? undefined : new OverloadControl(overload, this.queue);
    if (adaptive !== undefined) {
      this.#limit = new AdaptiveLimit(adaptive, settings.classes.length, clock.nowMs());
      this.queue.setLimit(this.#limit.current);
    }
  }

  /** Offers a request. On `wait`, the owner hears of it later. */
  offer(entry: QueueEntry, nowMs: number): Offer {
    entry.offeredMs = nowMs;
    if (this.queue.expired(entry, nowMs)) return 'too-late';
    if (this.#overload?.refuses(entry.classIndex, nowMs) === true) {
      // Nobody is turned away while less important requests wait.
      if (this.#sheds === 'priority') {
        this.queue.shedBelow(this.queue.lineOf(entry.classIndex), this.#displaced);
      }
      return 'overloaded';
    }
    const placed = this.queue.offer(entry, this.#displaced);
    if (placed === 'wait' && this.#timeout.dueMs === Number.POSITIVE_INFINITY) {
      this.#wheel.set(this.#timeout, nowMs + EXPIRY_INTERVAL_MS);
    }
    return placed;
  }

  /**
   * A running request has ended: the next ones may start.
   * @param respondedMs when the head of its response came, less than 0 when none did. What the application took is counted to there: how fast the
   *   rest goes is the network's and the caller's doing, which fewer requests at the application would not change.
   */
  release(entry: QueueEntry, respondedMs = -1): void {
    this.queue.release(entry);
    if (this.#limit !== undefined && respondedMs >= 0) this.#learn(this.#limit, entry, respondedMs);
    this.#fill();
  }

  #learn(limit: AdaptiveLimit, entry: QueueEntry, respondedMs: number): void {
    limit.observe(entry.classIndex, respondedMs - entry.startedMs, entry.startedAmong, respondedMs);
    if (limit.current !== this.queue.limit) this.queue.setLimit(limit.current);
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

  statistics(): AdmissionStatistics {
    const { running, waiting, limit } = this.queue;
    return {
      running,
      waiting,
      limit,
      ...(this.#limit === undefined ? {} : { adaptive: this.#limit.statistics() }),
      ...(this.#overload === undefined
        ? {}
        : { overloadedMs: this.#overload.overloadedMs(this.#clock.nowMs()) }),
    };
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
          this.#overload?.started(entry, nowMs);
          this.#owner.admitted(entry, nowMs);
        }
      }
    } finally {
      this.#filling = false;
    }
  }
}
