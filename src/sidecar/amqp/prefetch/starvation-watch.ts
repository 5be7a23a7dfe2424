import type { ClassIndex } from '../../../core/index.ts';

/** How a {@link StarvationWatch} is set up. */
export interface StarvationOptions {
  readonly classes: number;
  /** The longest that a class may wait at the broker behind more important ones before it gets a turn; Infinity switches the watch off. */
  readonly starvationMs: number;
  /** The most messages that are fetched beyond the window to reach a starving class. */
  readonly maxReach: number;
}

/** A consumer's watch as numbers. */
export interface StarvationState {
  /** Messages that the broker is asked for beyond the window just now. */
  readonly reach: number;
  /** Turns that were given to a starving class. */
  readonly turns: number;
  /** Times that the watch reached into the broker's queue. */
  readonly reaches: number;
  /** Of these, how often `maxReach` more important messages lay before the class that was looked for: it was not reached. */
  readonly beyondReach: number;
}

/** The first step of a reach; each further one doubles it. */
const FIRST_REACH = 4;
/** Places are let go of so many at a time: each change is a method to the broker. */
const RELEASE = 4;
/** After a reach that found nothing the next one waits longer, doubling up to so many times `starvationMs`. */
const MAX_RETRY_FACTOR = 8;
/** How long a free place must stay free until it says that the broker has nothing more, at least. */
const MIN_QUIET_MS = 20;

/**
 * Keeps a strict broker from starving a class, for one consumer.
 *
 * A broker's priority queue gives a less important message only when no more important one is ready, and a consumer cannot ask for a class. So
 * when a class has had no message handed out for `starvationMs`, and nothing says that none is waiting, the watch *reaches*: it has the
 * broker send more than the window holds, doubling, until the class shows up (the sidecar holds what comes before it, in order), the
 * broker has nothing more, or `maxReach` is hit. What was found gets its turn, one message every `starvationMs`; what else was found waits
 * for the next one without taking the place of more important messages. The rest of the reach is let go of, one place for every two settled
 * messages, so that a more important message that comes meanwhile still finds a place soon.
 *
 * That no message of a class waits is known when a message of a less important class was sent, or when a place stayed free.
 *
 * Time is handed in, in milliseconds of a monotonic clock.
 */
export class StarvationWatch {
  readonly #options: StarvationOptions;
  /** When the class last was known not to starve. */
  readonly #fedMs: Float64Array;
  #retryMs = -Infinity;
  #reach = 0;
  #reaching = false;
  #retryFactor = 1;
  #settledWhileReleasing = 0;
  /** The class of the last message that went out by its rank and not by a turn. */
  #busyWith = 0;
  #turns = 0;
  #reaches = 0;
  #beyondReach = 0;
  #bucketStartMs = -Infinity;
  #settledInBucket = 0;
  #settledBefore = 0;
  #quietMs = MIN_QUIET_MS;

  constructor(options: StarvationOptions, nowMs: number) {
    this.#options = options;
    this.#fedMs = new Float64Array(options.classes).fill(nowMs);
  }

  /** How many messages beyond the window the broker is asked for now. */
  get reach(): number {
    return this.#reach;
  }

  /** How long the way to the broker and back takes: a free place says something only after that. */
  roundTrip(ms: number): void {
    this.#quietMs = Math.max(MIN_QUIET_MS, 2 * ms);
  }

  /** A message came from the broker: of the classes more important than it, none waits there. */
  delivered(classIndex: ClassIndex, nowMs: number, held: (classIndex: ClassIndex) => number): void {
    for (let other = 0; other < classIndex; other += 1) {
      if (held(other) === 0) this.#fedMs[other] = nowMs;
    }
  }

  /** The client was given a message. */
  handedOut(classIndex: ClassIndex, nowMs: number): void {
    if (this.#starves(classIndex, nowMs)) this.#turns += 1;
    else this.#busyWith = classIndex;
    this.#fedMs[classIndex] = nowMs;
  }

  /** The client settled a message, which frees a place at the broker. */
  settled(nowMs: number, held: (classIndex: ClassIndex) => number): void {
    this.#roll(nowMs);
    this.#settledInBucket += 1;
    if (this.#reaching || this.#reach === 0) return;
    this.#settledWhileReleasing += 1;
    if (this.#settledWhileReleasing < 2 * RELEASE) return;
    this.#settledWhileReleasing = 0;
    let parked = 0;
    for (let other = this.#busyWith + 1; other < this.#fedMs.length; other += 1) parked += held(other);
    this.#reach = Math.max(Math.min(this.#reach, parked), this.#reach - RELEASE);
  }

  /** The class whose turn it is, of those that are held: the one that has starved longest; -1 for none. */
  turn(nowMs: number, held: (classIndex: ClassIndex) => number): ClassIndex {
    let turn = -1;
    for (let classIndex = 1; classIndex < this.#fedMs.length; classIndex += 1) {
      if (held(classIndex) === 0 || !this.#starves(classIndex, nowMs)) continue;
      if (turn < 0 || (this.#fedMs[classIndex] as number) < (this.#fedMs[turn] as number)) turn = classIndex;
    }
    return turn;
  }

  /**
   * Looks whether to begin, widen or end a reach. Call it at each event of the consumer, and by a timer while messages are outstanding.
   * @param free places that the broker has not filled: what it was asked for less what is outstanding
   */
  tick(nowMs: number, free: number, held: (classIndex: ClassIndex) => number): void {
    this.#roll(nowMs);
    if (free > this.#settledInBucket + this.#settledBefore) {
      // Free for longer than a message needs to come: the broker has nothing more for this consumer.
      for (let classIndex = 0; classIndex < this.#fedMs.length; classIndex += 1) {
        if (held(classIndex) === 0) this.#fedMs[classIndex] = nowMs;
      }
      this.#reaching = false;
      return;
    }
    if (!this.#sought(nowMs, held)) {
      if (this.#reaching) this.#retryFactor = 1;
      this.#reaching = false;
      return;
    }
    if (free > 0 || (!this.#reaching && nowMs < this.#retryMs)) return;
    if (!this.#reaching) this.#reaches += 1;
    else if (this.#reach >= this.#options.maxReach) {
      this.#beyondReach += 1;
      this.#reaching = false;
      this.#retryMs = nowMs + this.#options.starvationMs * this.#retryFactor;
      this.#retryFactor = Math.min(MAX_RETRY_FACTOR, 2 * this.#retryFactor);
      return;
    }
    this.#reaching = true;
    this.#settledWhileReleasing = 0;
    this.#grow(nowMs);
  }

  snapshot(): StarvationState {
    return {
      reach: this.#reach,
      turns: this.#turns,
      reaches: this.#reaches,
      beyondReach: this.#beyondReach,
    };
  }

  #grow(nowMs: number): void {
    const before = this.#reach;
    this.#reach = Math.min(this.#options.maxReach, Math.max(FIRST_REACH, 2 * before));
    // Places just asked for are not "free for long": they count as if settled now.
    this.#roll(nowMs);
    this.#settledInBucket += this.#reach - before;
  }

  #starves(classIndex: ClassIndex, nowMs: number): boolean {
    return classIndex > 0 && nowMs - (this.#fedMs[classIndex] ?? nowMs) >= this.#options.starvationMs;
  }

  /** Whether some class starves and none of it is held. */
  #sought(nowMs: number, held: (classIndex: ClassIndex) => number): boolean {
    for (let classIndex = 1; classIndex < this.#fedMs.length; classIndex += 1) {
      if (held(classIndex) === 0 && this.#starves(classIndex, nowMs)) return true;
    }
    return false;
  }

  /** Two buckets of time, so that what was settled in the last one to two `quietMs` is known. */
  #roll(nowMs: number): void {
    const age = nowMs - this.#bucketStartMs;
    if (age < this.#quietMs) return;
    this.#settledBefore = age < 2 * this.#quietMs ? this.#settledInBucket : 0;
    this.#settledInBucket = 0;
    this.#bucketStartMs = nowMs;
  }
}
