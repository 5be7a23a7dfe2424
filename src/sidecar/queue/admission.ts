import type { Clock, Shedding } from '../../core/index.ts';
import { Timeout, type TimerWheel, type Timeout as WheelTimeout } from '../io/index.ts';
import { AdaptiveLimit, type LimitStatistics } from './concurrency/index.ts';
import { OverloadControl } from './overload.ts';
import type { EntryHolder, QueueEntry } from './queue-entry.ts';
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
export class Admission implements EntryHolder {
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
  /** How many may run at once here and, until they have ended, at those before this one. */
  #wanted: number;
  /** Requests that run at those whose place this one has taken. */
  #inherited = 0;
  #heir: { readonly admission: Admission; readonly indexOf: readonly number[] } | undefined;

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
    this.#wanted = settings.concurrency;
    if (adaptive !== undefined) {
      this.#limit = new AdaptiveLimit(adaptive, settings.classes.length, clock.nowMs());
      this.#want(this.#limit.current);
    }
  }

  #want(limit: number): void {
    this.#wanted = limit;
    this.queue.setLimit(Math.max(0, limit - this.#inherited));
  }

  /**
   * Another takes the place of this one. Who waits here waits there from now on, by its rules and for as long as before; who runs counts
   * against its limit until it has ended.
   * @param indexOf by class index here: the class index there
   */
  handOver(next: Admission, indexOf: readonly number[]): void {
    this.#heir = { admission: next, indexOf };
    this.#wheel.remove(this.#timeout);
    next.#inherited = this.queue.running + this.#inherited;
    next.#want(next.#wanted);
    this.queue.takeAll((entry) => {
      entry.classIndex = indexOf[entry.classIndex] ?? 0;
      entry.holder = next;
      next.queue.adopt(entry);
    });
    if (next.queue.waiting > 0) next.#look(next.#clock.nowMs());
  }

  /** One that ran here, or before, has ended: its place is the last heir's. */
  #bequeath(): void {
    let last: Admission = this;
    while (last.#heir !== undefined) last = last.#heir.admission;
    last.#inherited -= 1;
    last.#want(last.#wanted);
    last.#fill();
  }

  /** Offers a request. On `wait`, the owner hears of it later. */
  offer(entry: QueueEntry, nowMs: number): Offer {
    if (this.#heir !== undefined) {
      entry.classIndex = this.#heir.indexOf[entry.classIndex] ?? 0;
      return this.#heir.admission.offer(entry, nowMs);
    }
    entry.offeredMs = nowMs;
    entry.holder = this;
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
    if (this.#heir !== undefined) {
      this.#bequeath();
      return;
    }
    if (this.#limit !== undefined && respondedMs >= 0) this.#learn(this.#limit, entry, respondedMs);
    this.#fill();
  }

  #learn(limit: AdaptiveLimit, entry: QueueEntry, respondedMs: number): void {
    limit.observe(entry.classIndex, respondedMs - entry.startedMs, entry.startedAmong, respondedMs);
    if (limit.current !== this.#wanted) this.#want(limit.current);
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
    const { running, waiting } = this.queue;
    return {
      running: running + this.#inherited,
      waiting,
      limit: this.#wanted,
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
