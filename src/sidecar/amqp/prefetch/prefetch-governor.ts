import type { ClassIndex } from '../../../core/index.ts';
import { StallGuard } from './stall-guard.ts';
import { type SearchPhase, WindowSearch } from './window-search.ts';

/** How a {@link PrefetchGovernor} is set up. */
export interface GovernorOptions {
  /** Never more than this outstanding at one consumer (`maxPrefetch` of the policy), unless the client needs more to acknowledge anything. */
  readonly maxWindow: number;
  /** Never more than this, even then; what the client itself asked for takes its place. */
  readonly mostWindow: number;
  /** What the client itself asked for, an upper bound; 0 for none. */
  readonly clientPrefetch: number;
  /** How many messages the client says that it works on at once: nothing is to be found out then. 0 or absent where it does not say. */
  readonly workers?: number;
}

/** One settled delivery, as the governor learns from it. */
export interface SettledSample {
  readonly classIndex: ClassIndex;
  /** From hand-out to settling. */
  readonly residenceMs: number;
  /** What {@link PrefetchGovernor.handedOut} returned for it. */
  readonly mark: number;
  /** How many of the same consumer's deliveries the same method settled. */
  readonly count: number;
  /** How many that were handed out before it were still unsettled then. */
  readonly overtaken: number;
}

/** The governor's state as numbers. */
export interface GovernorState {
  readonly phase: SearchPhase;
  readonly clientWindow: number;
  readonly brokerWindow: number;
  readonly unsettled: number;
  /** Estimated messages that wait inside the client, by Little's law. */
  readonly waitingInClient: number;
  /** Residence without waiting, over all classes as they come; 0 before the first one. */
  readonly baseResidenceMs: number;
  /** Residence of late, smoothed; 0 before the first one. */
  readonly residenceMs: number;
  readonly roundTripMs: number;
  /** The most deliveries that were settled at one go of late. */
  readonly largestBatch: number;
  /** Decisions that made the client's window larger, or smaller. */
  readonly grown: number;
  readonly shrunk: number;
  /** Times that the window was doubled because the client settled nothing with a full one. */
  readonly stalls: number;
}

/** How long filling a window takes, without the way to the broker. */
const FILL_MS = 1;
/** Samples over which residence is smoothed, and over which the shortest of late is remembered. */
const SMOOTHING = 32;
const SHORTEST_MEMORY = 8192;

/**
 * How many messages one consumer's client is given, and how many its broker is asked for. A broker hands `prefetch` messages to a consumer ahead
 * of time, and what lies in the client's buffer cannot be overtaken: an interactive message waits behind all that the client has and does
 * not work on yet. Too few, and workers are idle for a round trip, or altogether.
 *
 * So there are two windows. The client's is as large as it has workers, found by {@link WindowSearch}. The broker's is larger by a spare that
 * hides the way to it; the sidecar holds that and hands it out by class, so that it costs no priority.
 *
 * Pure: time is handed in, in milliseconds of a monotonic clock.
 */
export class PrefetchGovernor {
  readonly #cap: number;
  /** What a client that acknowledges nothing is given in the end. */
  readonly #most: number;
  readonly #search: WindowSearch;
  readonly #guard: StallGuard;
  /** The window where the client has said it; 0 where it is searched for. */
  readonly #stated: number;
  #unsettled = 0;
  #fullMs = -Infinity;
  #residenceMs = 0;
  /** The least that the smoothed residence was of late. */
  #shortestMs = Infinity;
  #settledCount = 0;
  #roundTripMs = 0;
  #brokerWindow: number;

  constructor(options: GovernorOptions) {
    const { maxWindow, mostWindow, clientPrefetch, workers = 0 } = options;
    this.#most = Math.max(1, clientPrefetch > 0 ? clientPrefetch : Math.max(maxWindow, mostWindow));
    this.#cap = Math.max(1, clientPrefetch > 0 ? Math.min(maxWindow, clientPrefetch) : maxWindow);
    this.#search = new WindowSearch(this.#cap);
    this.#guard = new StallGuard(clientPrefetch > 0);
    this.#stated = Math.min(this.#cap, workers);
    if (this.#stated > 0) this.#search.bound(this.#stated, this.#stated);
    this.#brokerWindow = Math.min(this.#cap, Math.max(2, this.#stated + 1));
  }

  /** How many deliveries the client may hold unsettled. */
  get clientWindow(): number {
    return Math.min(this.#most, Math.max(this.#search.window, this.#guard.relief));
  }

  /** What to ask the broker for: the client's window and the spare that hides the way to the broker. */
  get brokerWindow(): number {
    return Math.min(this.#most, Math.max(this.#brokerWindow, this.#guard.relief + 1));
  }

  /** The client was given a delivery. @returns a mark to hand back when it is settled */
  handedOut(nowMs: number): number {
    if (this.#unsettled === 0) this.#guard.began(nowMs);
    this.#unsettled += 1;
    const window = this.#search.window;
    if (this.#unsettled > window) return 0;
    if (this.#unsettled === window) this.#fullMs = nowMs;
    // Only a window that was full a moment ago, and is filled again as fast as the broker can, says what the client can take.
    return nowMs - this.#fullMs <= FILL_MS + 1.5 * this.#roundTripMs
      ? this.#search.saturated(this.#unsettled, nowMs)
      : 0;
  }

  /** The client settled a delivery: call it once for each. */
  settled(sample: SettledSample, nowMs: number): void {
    const { mark, classIndex, residenceMs, count, overtaken } = sample;
    if (this.#unsettled >= this.#search.window) this.#fullMs = nowMs;
    this.#unsettled -= 1;
    this.#guard.settled(residenceMs, count, this.#search.cleanMs / this.clientWindow, nowMs);
    this.#settledCount += 1;
    this.#residenceMs += (residenceMs - this.#residenceMs) / Math.min(SMOOTHING, this.#settledCount);
    this.#shortestMs = Math.min(this.#shortestMs, this.#residenceMs);
    this.#shortestMs += (this.#residenceMs - this.#shortestMs) / SHORTEST_MEMORY;
    if (mark !== 0) this.#search.settled(mark, classIndex, residenceMs, overtaken);
    this.#fit();
  }

  /** A delivery that was settled is unsettled again (a transaction was rolled back). */
  restored(): void {
    this.#unsettled += 1;
  }

  /** The broker took all deliveries back. */
  cleared(): void {
    this.#unsettled = 0;
    this.#search.abandon();
  }

  /** A way to the broker and back was measured (smoothed as in RFC 6298, section 2). */
  roundTrip(ms: number): void {
    this.#roundTripMs += (ms - this.#roundTripMs) / (this.#roundTripMs === 0 ? 1 : 8);
    this.#fit();
  }

  /** Time has passed. Call it every 50 ms or so while something is unsettled. */
  tick(nowMs: number): void {
    this.#search.expire(nowMs);
    const window = this.clientWindow;
    if (this.#unsettled < window || window >= this.#most) return;
    this.#guard.full(window, this.#search.cleanMs, nowMs);
  }

  snapshot(): GovernorState {
    return {
      phase: this.#search.phase,
      clientWindow: this.clientWindow,
      brokerWindow: this.brokerWindow,
      unsettled: this.#unsettled,
      waitingInClient: this.#search.waiting,
      baseResidenceMs: this.#search.cleanMs,
      residenceMs: this.#residenceMs,
      roundTripMs: this.#roundTripMs,
      largestBatch: this.#guard.largestBatch,
      grown: this.#search.grown,
      shrunk: this.#search.shrunk,
      stalls: this.#guard.stalls,
    };
  }

  /**
   * The spare: what is on the way at the highest rate of late (Little's law), room for its fluctuation, and what is freed at one go. It is
   * not made smaller for little: each change is a method to the broker.
   */
  #fit(): void {
    if (this.#settledCount === 0) return;
    const { peak } = this.#search;
    const batch = Math.min(this.#most, this.#guard.largestBatch);
    const cap = Math.max(this.#cap, batch);
    const onTheWay = (peak * this.#roundTripMs) / Math.max(this.#shortestMs, Number.MIN_VALUE);
    const spare = Math.ceil(onTheWay + 2 * Math.sqrt(onTheWay)) + batch;
    const wanted = Math.min(cap, peak + spare);
    const slack = Math.max(2, wanted / 4);
    if (wanted > this.#brokerWindow || wanted + slack < this.#brokerWindow) this.#brokerWindow = wanted;
    // Where the cap leaves no room for what is on the way, a window that never fills would tell nothing.
    const share = this.#roundTripMs > 0 ? this.#residenceMs / (this.#residenceMs + this.#roundTripMs) : 1;
    if (this.#stated > 0) this.#search.bound(this.#stated, this.#stated);
    else this.#search.bound(batch, wanted < cap ? cap : Math.max(batch, Math.ceil(cap * share)));
    // A bound that has just moved may have moved the window.
    this.#brokerWindow = Math.max(this.#brokerWindow, this.#search.window);
  }
}
