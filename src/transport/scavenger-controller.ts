import type { ScavengerSettings } from '../core/index.ts';
import { BaseDelay } from './base-delay.ts';
import { DeliveryMeter } from './delivery-meter.ts';

/** What was seen of the connections to one peer since the last sample. */
export interface ScavengerSample {
  readonly nowMs: number;
  /** Round-trip time now, microseconds; 0 when nothing was acknowledged since the last sample. */
  readonly rttUs: number;
  /** The smallest round-trip time that the kernel remembers, microseconds; 0 when it knows none. */
  readonly minRttUs: number;
  /** Bytes acknowledged since the last sample, all connections together. */
  readonly ackedBytes: number;
  /** Segments that were sent again since the last sample. */
  readonly retransmits: number;
  /** Whether data waits that pacing or the congestion window holds back. */
  readonly backlogged: boolean;
  readonly segmentBytes: number;
}

/** What the controller is doing. */
export type ScavengerPhase = 'slow-start' | 'avoidance' | 'slowdown';

/** LEDBAT++ leaves slow start at this share of the delay target. */
const SLOW_START_EXIT = 0.75;
/** Growth per round trip when the queue is empty, as a share of the window; less in proportion when it is not. */
const INCREASE_GAIN = 0.25;
/** Growth per round trip beside it: what makes senders of different rate equal, as LEDBAT++'s GAIN does. */
const ADDITIVE_SEGMENTS = 0.5;
/** LEDBAT++: the most that one round trip takes away, as a share of the window. */
const DECREASE_MAX = 0.5;
/** How far the rate may go beyond what was delivered lately: finds free capacity without a burst. */
const PROBE_GAIN = 1.25;
/** RFC 6928. */
const INITIAL_WINDOW_SEGMENTS = 10;
/** A sample says little about round trips before it, however many have passed. */
const SAMPLE_ROUND_TRIPS_MAX = 2;
const FIRST_SLOWDOWN_MS = 500;
const SLOWDOWN_INTERVAL_MS = 10_000;
const SLOWDOWN_ROUND_TRIPS = 2;
const SLOWDOWN_SHARE = 1 / 8;
/** A pause this long empties the queue of ours, as a slowdown does; a shorter one changes nothing. */
const PAUSE_MS = 100;
/** After a pause this long the path is taken for unknown. */
const FORGET_MS = 60_000;

/**
 * Decides how fast all connections to one peer together may send, so that the queue which they cause stays near a target
 * and traffic that queues more drives them away. Pure: time and measurements come in, a rate comes out.
 *
 * From LEDBAT (RFC 6817): queueing delay is the round-trip time less its minimum over minutes, compared with a target.
 * From LEDBAT++ (draft-irtf-iccrg-ledbat-plus-plus): round-trip instead of one-way delay, slow start that ends at 3/4 of
 * the target, at most half the window lost in a round trip, an additive part that makes senders equal, and slowdowns that
 * empty the queue so that a latecomer, who took a standing queue for base delay, finds the true one.
 *
 * Where it differs, and why. The window is virtual and becomes a rate, window / rtt, because pacing is what user space
 * governs (Proteus-S, SIGCOMM 2020, is rate-based too). One window serves all connections to a peer (Congestion Manager,
 * RFC 3124), so that short transfers share what one has learnt. Above the target the window goes to what was delivered
 * times (base + target), as FAST TCP (INFOCOM 2004) steers: alone on a link that lands on the target without losing
 * goodput; beside others it is a share that shrinks with each round trip. Growth is in proportion to the distance from
 * the target, because transfers of a few hundred milliseconds must find freed capacity. Slowdowns come every 10 s and not
 * for a tenth of the time, because pauses between requests do the same.
 */
export class ScavengerController {
  readonly #targetUs: number;
  readonly #minRateBps: number;
  readonly #base = new BaseDelay();
  readonly #delivered = new DeliveryMeter();
  #phase: ScavengerPhase = 'slow-start';
  #windowBytes = 0;
  #thresholdBytes = Number.POSITIVE_INFINITY;
  #rttUs = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #steeredMs = 0;
  #rateBps: number;
  #lossUntilMs = Number.NEGATIVE_INFINITY;
  #slowdownEndMs = 0;
  #nextSlowdownMs = Number.POSITIVE_INFINITY;

  constructor(settings: ScavengerSettings) {
    this.#targetUs = settings.targetDelayMs * 1000;
    this.#minRateBps = settings.minRateBps;
    this.#rateBps = settings.minRateBps;
  }

  /** The rate for all connections together, bits per second. */
  get rateBps(): number {
    return this.#rateBps;
  }

  /** What a connection may begin with after a pause, before the first sample: half of the best that was delivered lately. */
  get resumeRateBps(): number {
    return Math.max(this.#minRateBps, this.#delivered.bestBps / 2);
  }

  get phase(): ScavengerPhase {
    return this.#phase;
  }

  /** The round-trip time without a queue, microseconds; Infinity while unknown. */
  get baseDelayUs(): number {
    return this.#base.us;
  }

  /** The queueing delay at the last sample, microseconds. */
  get queueingDelayUs(): number {
    return this.#rttUs === 0 ? 0 : Math.max(0, this.#rttUs - this.#base.us);
  }

  /**
   * Sending begins, for the first time or after a pause, on a path whose round-trip time the kernel puts at `rttUs`.
   * The first window is TCP's (RFC 6928); after a pause, half of what the path carried, growing by slow start up to it.
   */
  start(nowMs: number, rttUs: number, segmentBytes: number): number {
    this.#base.observe(nowMs, rttUs);
    const pausedMs = nowMs - this.#lastMs;
    this.#delivered.pause(nowMs);
    this.#lastMs = nowMs;
    this.#steeredMs = nowMs;
    if (pausedMs < PAUSE_MS) return this.#rateBps;
    const initial = INITIAL_WINDOW_SEGMENTS * segmentBytes;
    if (pausedMs < FORGET_MS) {
      const unfinished = this.#phase === 'slow-start' && Number.isFinite(this.#thresholdBytes);
      const carried = unfinished ? Math.max(this.#thresholdBytes, this.#windowBytes) : this.#windowBytes;
      this.#thresholdBytes = Math.max(initial, carried);
      this.#windowBytes = Math.max(initial, carried / 2);
      this.#rttUs = this.#base.us + this.#targetUs / 2;
      if (Number.isFinite(this.#nextSlowdownMs)) {
        this.#nextSlowdownMs = Math.max(this.#nextSlowdownMs, nowMs + SLOWDOWN_INTERVAL_MS);
      }
    } else {
      this.#delivered.forget();
      this.#thresholdBytes = Number.POSITIVE_INFINITY;
      this.#windowBytes = initial;
      this.#rttUs = this.#base.us;
    }
    this.#phase = 'slow-start';
    return this.#settle();
  }

  /** Takes a sample and returns the rate for all connections together, bits per second. */
  sample(sample: ScavengerSample): number {
    const { nowMs } = sample;
    const elapsedMs = nowMs - this.#lastMs;
    if (elapsedMs <= 0) return this.#rateBps;
    this.#lastMs = nowMs;
    this.#delivered.add(nowMs, sample.ackedBytes);
    if (sample.minRttUs > 0) this.#base.observe(nowMs, sample.minRttUs);
    if (sample.rttUs > 0) {
      this.#rttUs = sample.rttUs;
      this.#steer(sample, nowMs - this.#steeredMs);
      this.#steeredMs = nowMs;
    }
    return this.#settle();
  }

  #steer(sample: ScavengerSample, elapsedMs: number): void {
    const { nowMs } = sample;
    const excess = this.queueingDelayUs / this.#targetUs - 1;
    const roundTrips = Math.min(SAMPLE_ROUND_TRIPS_MAX, (elapsedMs * 1000) / this.#rttUs);
    if (this.#phase === 'slowdown') {
      if (nowMs < this.#slowdownEndMs) return;
      this.#phase = 'slow-start';
      this.#windowBytes /= 2;
    } else if (nowMs >= this.#nextSlowdownMs) {
      this.#beginSlowdown(nowMs);
      return;
    }
    if (sample.retransmits > 0 && nowMs >= this.#lossUntilMs) {
      this.#lossUntilMs = nowMs + this.#rttUs / 1000;
      this.#windowBytes *= 1 - DECREASE_MAX;
      this.#leaveSlowStart(nowMs);
      return;
    }
    if (this.#phase === 'slow-start') {
      if (excess > SLOW_START_EXIT - 1) {
        // The meter lags behind a rate that doubles; too much is corrected by the next sample, too little costs time.
        const carriedBps = Math.max(this.#delivered.latestBps, (sample.ackedBytes * 8000) / elapsedMs);
        const fitting = (carriedBps / 8e6) * (this.#base.us + SLOW_START_EXIT * this.#targetUs);
        this.#windowBytes = Math.min(this.#windowBytes, fitting);
        this.#leaveSlowStart(nowMs);
      } else if (sample.backlogged) {
        this.#windowBytes *= 2 ** roundTrips;
        if (this.#windowBytes >= this.#thresholdBytes) this.#leaveSlowStart(nowMs);
      }
      return;
    }
    const additive = ADDITIVE_SEGMENTS * sample.segmentBytes * roundTrips;
    if (excess > 0) {
      // What passed through the queue in the time that a round trip should take: alone on the link, that is all it
      // carries, so we land at the target at once; beside others it is our share of it, and less with each round trip.
      const fitting = (this.#carriedBps(sample, elapsedMs) / 8e6) * (this.#base.us + this.#targetUs);
      const least = this.#windowBytes * (1 - DECREASE_MAX) ** roundTrips;
      this.#windowBytes = Math.max(least, Math.min(this.#windowBytes, fitting)) + additive;
    } else if (sample.backlogged) {
      const recovering = this.#rateBps < this.resumeRateBps && excess < -0.5;
      const gain = recovering ? 1 : -INCREASE_GAIN * excess;
      this.#windowBytes += additive + gain * this.#windowBytes * roundTrips;
    }
  }

  #carriedBps(sample: ScavengerSample, elapsedMs: number): number {
    return this.#delivered.latestBps || (sample.ackedBytes * 8000) / elapsedMs;
  }

  #leaveSlowStart(nowMs: number): void {
    if (this.#phase === 'slow-start' && this.#nextSlowdownMs === Number.POSITIVE_INFINITY) {
      // The first one comes soon: a queue that stood before we came looks like base delay until it is emptied.
      this.#nextSlowdownMs = nowMs + FIRST_SLOWDOWN_MS;
    }
    this.#phase = 'avoidance';
  }

  #beginSlowdown(nowMs: number): void {
    this.#phase = 'slowdown';
    this.#thresholdBytes = this.#windowBytes;
    this.#slowdownEndMs = nowMs + (SLOWDOWN_ROUND_TRIPS * this.#rttUs) / 1000;
    this.#nextSlowdownMs = this.#slowdownEndMs + SLOWDOWN_INTERVAL_MS;
  }

  #settle(): number {
    const floorBytes = (this.#minRateBps * this.#rttUs) / 8e6;
    this.#windowBytes = Math.max(this.#windowBytes, floorBytes);
    let rateBps = (this.#windowBytes * 8e6) / Math.max(1, this.#rttUs);
    const peakBps = this.#delivered.peakBps;
    if (peakBps > 0 && this.#phase !== 'slow-start') {
      const mostBps = Math.max(PROBE_GAIN * peakBps, this.resumeRateBps);
      if (rateBps > mostBps) {
        rateBps = mostBps;
        // A window that cannot be used must not grow: it would come out as a burst.
        this.#windowBytes = Math.min(
          this.#windowBytes,
          (mostBps / 8e6) * (this.#base.us + 2 * this.#targetUs),
        );
      }
    }
    if (this.#phase === 'slowdown') rateBps *= SLOWDOWN_SHARE;
    this.#rateBps = Math.max(this.#minRateBps, rateBps);
    return this.#rateBps;
  }
}
