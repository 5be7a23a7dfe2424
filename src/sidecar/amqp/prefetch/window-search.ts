import type { ClassIndex } from '../../../core/index.ts';
import { type Epoch, type EpochSide, Epochs } from './epochs.ts';
import { moreWaiting, neverOvertook, type Waiting } from './evidence.ts';
import { ResidenceStats } from './residence-stats.ts';
import { WindowSize } from './window-size.ts';

/** What the search does just now. */
export type SearchPhase = 'slow-start' | 'rest' | 'probe-up' | 'probe-down';

/** Waiting messages that are put up with: more than this a message of window make it too large. */
const TOLERANCE = 0.6;
/** How many standard errors away from its threshold an estimate must lie to be believed at once. */
const SURE = 2;
/** Samples of one class that the base remembers; what is older fades. */
const BASE_MEMORY = 256;
/** By this the variation of the base fades when it learns. */
const FADE = 0.95;
/** So many samples for each message of the window end a step of the slow start that cannot be told. */
const START_SAMPLES = 8;
/** So many samples for each message of the window end a probe that cannot be told. */
const UNDECIDED_SAMPLES = 24;
/** The longest rest between two probes, in epochs: longer where a probe costs more of the time of a service. */
const MAX_REST = 8;
const MAX_REST_SMALL = 32;
/** Each so many probes one looks downwards. */
const PROBES_A_CYCLE = 8;
/** From so many workers on, one waiting message costs less than half a service time; or where it costs no more than this. */
const MARGIN_FROM = 3;
const MARGIN_MS = 2;
/** A client that settles so many at one go may take so many times more. */
const ROOM = 1.25;
/**
 * Finds how many messages a client works on at once, from how long it keeps them: the control loop of the prefetch governor.
 *
 * Below that number a message is served at once and the throughput grows with the window; above it each further message only waits. So the
 * window is best right at the knee (Kleinrock, "Power and deterministic rules of thumb for probabilistic problems in computer
 * communications", 1979), and that is where two neighbouring windows tell different things: the upper one makes messages stay longer, or it
 * doesn't. The search *rests* at the knee and *probes* now and then, as BBR does with its pacing gain (Cardwell, Cheng, Gunn, Yeganeh and
 * Jacobson, "BBR: congestion-based congestion control", 2016): hand-outs alternate between two windows, so that services that drift drift in
 * both. Upwards mostly, downwards seldom.
 *
 * - `slow-start`: doubles from 1 until messages wait.
 * - `rest`: compares with the residence without waiting; what waits too long shrinks the window at once, and the next epoch has to prove it.
 * - `probe-up`, `probe-down`: is the upper of two windows worth having?
 *
 * Two kinds of evidence. Residence ({@link moreWaiting}) is exact where services are alike. Where they vary, workers overtake each other:
 * a delivery that is settled before n older ones proves n + 1 workers at once, in a client that starts messages in order.
 *
 * It looks only at hand-outs into a full window: a client that is not kept busy says nothing about what it could take.
 */
export class WindowSearch {
  readonly #size: WindowSize;
  readonly #epochs = new Epochs();
  #phase: SearchPhase = 'slow-start';
  /** Residence without waiting, as far as is known. */
  #clean = new ResidenceStats();
  /** All since the last change. */
  #seen = new ResidenceStats();
  /** The largest coefficient of variation of the clean residence; fades. */
  #variation = 0;
  #lower = new ResidenceStats();
  #upper = new ResidenceStats();
  #lowerWindow = 1;
  #upperWindow = 1;
  /** The state before a shrink, until it is proved right. */
  #suspect: { readonly window: number; readonly base: number; readonly stats: ResidenceStats } | undefined;
  #step = 1;
  #stepDown = 1;
  #restEpochs = 1;
  #restLeft = 0;
  #probes = 0;
  #waiting = 0;

  /** @param cap the largest window */
  constructor(cap: number) {
    this.#size = new WindowSize(cap);
    this.#start('slow-start');
  }

  /** The client's window now. */
  get window(): number {
    const window = this.#phase === 'slow-start' ? this.#size.size : this.#restWindow;
    return Math.max(this.#size.floor, this.#epochs.open?.window ?? window);
  }

  /** The client's largest window until the next decision: probes go back and forth. */
  get peak(): number {
    return this.#phase === 'slow-start'
      ? this.window
      : Math.max(this.window, this.#size.size + this.#size.span);
  }

  get phase(): SearchPhase {
    return this.#phase;
  }

  /** Messages that wait inside the client, as last estimated. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Mean residence without waiting; 0 before the first settled message. */
  get cleanMs(): number {
    return this.#clean.meanMs;
  }

  get grown(): number {
    return this.#size.grown;
  }

  get shrunk(): number {
    return this.#size.shrunk;
  }

  /** Sets the least and the largest window. A client that settles `floor` at one go may take more: from there it is looked downwards. */
  bound(floor: number, cap: number): void {
    const size = this.#size;
    if (!size.bound(floor, Math.max(1, cap))) return;
    const changed = this.#change(size.size < size.floor ? Math.ceil(ROOM * size.floor) : size.size);
    const now = this.#epochs.open?.window ?? size.size;
    if (changed || now < size.floor || now > size.cap) this.#start('rest');
  }

  /** Deliveries that were handed out will not be settled: what is not complete is begun anew. */
  abandon(): void {
    this.#start(this.#phase);
  }

  /**
   * A hand-out into a window that is full, or was a moment ago.
   * @param held what the client has in hands with it
   * @returns its mark; 0 when it is not looked at
   */
  saturated(held: number, nowMs: number): number {
    const epoch = this.#epochs.open;
    if (epoch === undefined) return 0;
    epoch.stats.found(held);
    if (this.#epochs.handOut(nowMs) === undefined || this.#phase === 'slow-start') return epoch.mark;
    if (this.#phase === 'rest') this.#begin('only');
    else this.#begin(epoch.side === 'lower' ? 'upper' : 'lower');
    return epoch.mark;
  }

  /** A marked delivery was settled. */
  settled(mark: number, classIndex: ClassIndex, residenceMs: number, overtaken: number): void {
    const epoch = this.#epochs.settle(mark, classIndex, residenceMs, overtaken);
    if (epoch !== undefined) this.#judge(epoch);
  }

  /** Time has passed: deliveries that the client keeps for ever are not waited for. */
  expire(nowMs: number): void {
    const epoch = this.#epochs.expire(nowMs, this.#clean.meanMs);
    if (epoch !== undefined) this.#judge(epoch);
  }

  get #margin(): number {
    return this.#size.size >= MARGIN_FROM || this.cleanMs < MARGIN_MS * this.#size.size ? 1 : 0;
  }

  /** Where it rests between probes: with several workers one more than they need, so that none waits for the way from the sidecar. */
  get #restWindow(): number {
    return Math.min(this.#size.cap, this.#size.size + this.#margin);
  }

  #start(phase: SearchPhase): void {
    this.#phase = phase;
    this.#epochs.restart();
    this.#lower = new ResidenceStats();
    this.#upper = new ResidenceStats();
    if (phase === 'rest') this.#restLeft = this.#restEpochs;
    const up = phase === 'probe-up' ? this.#size.span : 0;
    const down = phase === 'probe-down' ? Math.max(this.#size.span, this.#stepDown) : 0;
    this.#lowerWindow = Math.max(this.#size.floor, this.#size.size - down);
    this.#upperWindow = Math.min(this.#size.cap, this.#size.size + up);
    this.#begin(phase.startsWith('probe') ? 'lower' : 'only');
  }

  #begin(side: EpochSide): void {
    const only = this.#phase === 'slow-start' ? this.#size.size : this.#restWindow;
    this.#epochs.begin({ only, lower: this.#lowerWindow, upper: this.#upperWindow }[side], side);
  }

  #judge(epoch: Epoch): void {
    if (epoch.stats.count === 0) return;
    if (epoch.side === 'lower') this.#lower.merge(epoch.stats);
    else this.#upper.merge(epoch.stats);
    this.#seen.merge(epoch.stats);
    if (this.#phase === 'slow-start') this.#judgeStart(epoch.window);
    else if (this.#phase === 'rest') this.#judgeRest();
    else if (epoch.side === 'upper' && this.#lower.count > 0) this.#judgeProbe();
  }

  /** Doubles until messages wait; looks longer where that cannot be told. */
  #judgeStart(window: number): void {
    const stats = this.#upper;
    const { messages, error } = this.#more(stats, this.#clean, window);
    const threshold = Math.max(0.5, window / 8);
    if (messages - error > threshold) {
      this.#change(Math.max(Math.round(window - messages), stats.inService));
      this.#start('probe-down');
      return;
    }
    const proved = stats.inService > window / 2;
    if (!proved && messages + error > 2 * threshold && stats.count < START_SAMPLES * window) {
      this.#begin('only');
      return;
    }
    this.#learn(stats);
    this.#change(2 * window);
    this.#start(window < this.#size.cap ? 'slow-start' : 'rest');
  }

  #judgeRest(): void {
    const stats = this.#upper;
    const window = this.#restWindow;
    if (this.#disproved(stats, window)) return;
    const { messages, error } = this.#more(stats, this.#clean, window);
    this.#waiting = Math.max(0, messages);
    if (messages - this.#margin - SURE * error > TOLERANCE) {
      this.#shrink(stats, window, Math.round(window - messages));
      return;
    }
    if (this.#neverOvertook(this.#seen, this.#size.size)) {
      this.#shrink(stats, window, this.#seen.inService);
      return;
    }
    this.#restLeft -= 1;
    if (this.#restLeft > 0) return;
    if (this.#margin === 0 && messages < TOLERANCE) this.#learn(stats);
    this.#probes += 1;
    const down = this.#size.size >= this.#size.cap || this.#probes % PROBES_A_CYCLE === 0;
    if (down && this.#size.size > this.#size.floor) this.#start('probe-down');
    else this.#start(this.#size.size < this.#size.cap ? 'probe-up' : 'rest');
  }

  #judgeProbe(): void {
    const lower = this.#lower;
    const upper = this.#upper;
    const window = this.#upperWindow;
    if (this.#disproved(lower, this.#lowerWindow)) return;
    const before = this.#more(lower, this.#clean, this.#lowerWindow);
    if (before.messages - SURE * before.error > TOLERANCE) {
      this.#shrink(lower, this.#lowerWindow, Math.round(this.#lowerWindow - before.messages));
      return;
    }
    const { messages, error } = this.#more(upper, lower, window);
    const used = upper.meanHeld - lower.meanHeld;
    if (used < (window - this.#lowerWindow) / 2) {
      // The larger window was not filled: something else is the limit.
      this.#relax();
      return;
    }
    const threshold = TOLERANCE * (window - this.#lowerWindow);
    const sure = Math.abs(messages - threshold) > SURE * error;
    if (upper.inService >= window || (sure && messages < threshold)) {
      this.#adds();
      return;
    }
    const never = this.#neverOvertook(upper, window);
    if (!sure && !never && upper.count < UNDECIDED_SAMPLES * window) return;
    // In doubt it stays: what is too little shows again in the next probe.
    if (never || messages + error >= threshold) this.#addsNothing();
    else this.#adds();
  }

  /** The upper window of a probe is worth having. */
  #adds(): void {
    this.#learn(this.#lower);
    this.#learn(this.#upper);
    if (this.#phase === 'probe-down') {
      this.#stepDown = 1;
      this.#relax();
      return;
    }
    this.#change(this.#size.size + this.#step * this.#size.span);
    this.#step = Math.min(2 * this.#step, this.#size.size);
    this.#restEpochs = 1;
    this.#start(this.#size.size < this.#size.cap ? 'probe-up' : 'rest');
  }

  /** The upper window of a probe only lets more wait. */
  #addsNothing(): void {
    this.#step = 1;
    this.#learn(this.#lower);
    if (this.#phase === 'probe-up') {
      this.#relax();
      return;
    }
    this.#clean = this.#lower;
    this.#stepDown = 2 * (this.#size.size - this.#lowerWindow);
    this.#change(this.#lowerWindow);
    this.#restEpochs = 1;
    this.#start(this.#size.size > this.#size.floor ? 'probe-down' : 'rest');
  }

  /** All is as it was: the next probe can wait longer. */
  #relax(): void {
    this.#restEpochs = Math.min(Math.max(MAX_REST, MAX_REST_SMALL / this.#size.size), 2 * this.#restEpochs);
    this.#start('rest');
  }

  #shrink(stats: ResidenceStats, window: number, next: number): void {
    this.#suspect = { window, base: this.#size.size, stats };
    this.#change(Math.max(Math.ceil(this.#size.size / 2), next));
    this.#restEpochs = 1;
    this.#step = 1;
    this.#start('rest');
  }

  /**
   * After a shrink: did less wait? If not, what looked like waiting is service that takes longer now, or the change is still going on: the
   * shrink is undone, and a probe downwards tells.
   */
  #disproved(now: ResidenceStats, window: number): boolean {
    const suspect = this.#suspect;
    if (suspect === undefined) return false;
    this.#suspect = undefined;
    const { messages, error } = this.#more(suspect.stats, now, suspect.window);
    if (messages + error >= (suspect.window - window) / 2) return false;
    this.#clean = now;
    this.#change(suspect.base);
    this.#start(this.#size.size > this.#size.floor ? 'probe-down' : 'rest');
    return true;
  }

  #learn(stats: ResidenceStats): void {
    this.#clean.forget(BASE_MEMORY);
    this.#clean.merge(stats);
    this.#variation = Math.max(this.#clean.variation, FADE * this.#variation);
  }

  #neverOvertook(stats: ResidenceStats, window: number): boolean {
    return neverOvertook(stats, window, this.#variation);
  }

  #more(longer: ResidenceStats, base: ResidenceStats, window: number): Waiting {
    return moreWaiting(longer, base, window, this.#clean.meanMs);
  }

  #change(window: number): boolean {
    const changed = this.#size.set(window);
    if (changed) this.#seen = new ResidenceStats();
    return changed;
  }
}
