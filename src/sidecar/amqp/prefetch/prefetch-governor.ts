import type { ClassIndex } from '../../../core/index.ts';

/** How a {@link PrefetchGovernor} is set up. */
export interface GovernorOptions {
  readonly classes: number;
  /** Never more than this outstanding at one consumer (`maxPrefetch` of the policy). */
  readonly maxWindow: number;
  /** What the client itself asked for, an upper bound; 0 for none. */
  readonly clientPrefetch: number;
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
  readonly phase: 'slow-start' | 'cruise' | 'probe' | 'dip';
  readonly clientWindow: number;
  readonly brokerWindow: number;
  readonly unsettled: number;
  /** Estimated messages that wait inside the client, by Little's law. */
  readonly waitingInClient: number;
  /** Residence without waiting, over all classes as they come; 0 before the first one. */
  readonly baseResidenceMs: number;
  readonly residenceMs: number;
  readonly roundTripMs: number;
  readonly largestBatch: number;
  readonly grown: number;
  readonly shrunk: number;
  readonly stalls: number;
}

const MIN_STALL_MS = 200;

export class PrefetchGovernor {
  readonly #cap: number;
  #clientWindow = 1;
  #unsettled = 0;
  #residenceMs = 0;
  #baseMs = Infinity;
  #roundTripMs = 0;
  #lastSettledMs = 0;
  #batch = 1;
  #grown = 0;
  #shrunk = 0;
  #stalls = 0;
  #samples = 0;
  #sum = 0;
  #mark = 0;
  #from = 0;

  constructor(options: GovernorOptions) {
    const { maxWindow, clientPrefetch } = options;
    this.#cap = Math.max(1, clientPrefetch > 0 ? Math.min(maxWindow, clientPrefetch) : maxWindow);
  }

  get clientWindow(): number {
    return this.#clientWindow;
  }

  get brokerWindow(): number {
    const rate = this.#residenceMs > 0 ? this.#clientWindow / this.#residenceMs : 0;
    const inFlight = rate * this.#roundTripMs;
    return Math.min(this.#cap, this.#clientWindow + Math.ceil(inFlight + Math.sqrt(inFlight)) + this.#batch);
  }

  handedOut(nowMs: number): number {
    if (this.#unsettled === 0) this.#lastSettledMs = nowMs;
    this.#unsettled += 1;
    this.#mark += 1;
    return this.#unsettled === this.#clientWindow ? this.#mark : 0;
  }

  settled(sample: SettledSample, nowMs: number): void {
    this.#unsettled -= 1;
    this.#lastSettledMs = nowMs;
    this.#batch = Math.max(this.#batch, sample.count);
    this.#residenceMs += (sample.residenceMs - this.#residenceMs) / 8;
    if (sample.mark <= this.#from) return;
    this.#samples += 1;
    this.#sum += sample.residenceMs;
    if (this.#samples < 8) return;
    const mean = this.#sum / this.#samples;
    this.#baseMs = Math.min(this.#baseMs, mean);
    const waiting = this.#clientWindow * (1 - this.#baseMs / mean);
    this.#samples = 0;
    this.#sum = 0;
    this.#from = this.#mark;
    if (waiting < 0.5) this.#set(this.#clientWindow + 1);
    else if (waiting > 1.5) this.#set(this.#clientWindow - 1);
  }

  /** A delivery that was settled is unsettled again (a transaction was rolled back). */
  restored(): void {
    this.#unsettled += 1;
  }

  /** The broker took all deliveries back. */
  cleared(): void {
    this.#unsettled = 0;
  }

  roundTrip(ms: number): void {
    this.#roundTripMs += (ms - this.#roundTripMs) / 8;
  }

  tick(nowMs: number): void {
    if (this.#unsettled < this.#clientWindow || this.#clientWindow >= this.#cap) return;
    const base = this.#baseMs === Infinity ? 0 : this.#baseMs;
    if (nowMs - this.#lastSettledMs < Math.max(8 * base, MIN_STALL_MS)) return;
    this.#lastSettledMs = nowMs;
    this.#stalls += 1;
    this.#set(2 * this.#clientWindow);
  }

  snapshot(): GovernorState {
    return {
      phase: 'cruise',
      clientWindow: this.#clientWindow,
      brokerWindow: this.brokerWindow,
      unsettled: this.#unsettled,
      waitingInClient: 0,
      baseResidenceMs: this.#baseMs === Infinity ? 0 : this.#baseMs,
      residenceMs: this.#residenceMs,
      roundTripMs: this.#roundTripMs,
      largestBatch: this.#batch,
      grown: this.#grown,
      shrunk: this.#shrunk,
      stalls: this.#stalls,
    };
  }

  #set(window: number): void {
    const next = Math.max(1, Math.min(this.#cap, Math.max(window, this.#batch)));
    if (next > this.#clientWindow) this.#grown += 1;
    else if (next < this.#clientWindow) this.#shrunk += 1;
    this.#clientWindow = next;
  }
}
