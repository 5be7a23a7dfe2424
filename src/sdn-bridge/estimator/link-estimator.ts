import type { ClassCongestion, HintSettings, RequestClass } from '../../core/index.ts';
import type { QueueCounters, QueueSample, SwitchSample } from './counters.ts';

/** What is known of a link now. */
export interface LinkEstimate {
  /** The share of the link's rate that is used, 0 to 1. */
  readonly utilization: number;
  /** By class index. */
  readonly classes: readonly ClassCongestion[];
}

/** What a {@link LinkEstimator} goes by. */
export interface LinkEstimatorOptions {
  readonly classes: readonly RequestClass[];
  readonly settings: HintSettings;
  /** Bits per second. */
  readonly rateBps: number;
}

/** Where the queue cannot be seen, a link counts as congested only when it is used above this share of its rate. */
const FULL_FROM = 0.95;
/** A reading holds for so many intervals, and at least so many milliseconds; then nothing is known. */
const FRESH_INTERVALS = 5;
const FRESH_LEAST_MS = 200;

interface Rates {
  readonly bytesPerMs: number;
  readonly lossRatio: number;
}

interface Totals {
  readonly bytes: number;
  readonly packets: number;
  readonly drops: number;
}

const NOTHING: Rates = { bytesPerMs: 0, lossRatio: 0 };

/** Rates between two readings; nothing when the counters began anew or no time has passed. */
function ratesBetween(from: Totals | undefined, to: Totals | undefined, elapsedMs: number): Rates {
  if (from === undefined || to === undefined || !(elapsedMs > 0)) return NOTHING;
  const bytes = to.bytes - from.bytes;
  const packets = to.packets - from.packets;
  const drops = to.drops - from.drops;
  if (bytes < 0 || packets < 0 || drops < 0) return NOTHING;
  return { bytesPerMs: bytes / elapsedMs, lossRatio: drops === 0 ? 0 : drops / (drops + packets) };
}

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

/** One first-order low pass for each figure: it has covered 63 % of a step after the time constant. */
class Smoothed {
  value = 0;

  follow(raw: number, weight: number): number {
    this.value += weight * (raw - this.value);
    // So that calm is 0 at last, and not ever smaller.
    if (this.value < 1e-4) this.value = 0;
    return this.value;
  }
}

/**
 * How congested one directed link is, from readings of its queue and of its switch's counters. Pure: time is in the readings.
 *
 * The queueing delay of a class is what is served before its next packet (its own backlog and that of more important
 * classes) over the rate at which it is served; in a plain queue, all that waits over the link's rate. A class that had packets
 * waiting at both ends of an interval was served as fast as it could be, so the interval says at which rate; a class is never taken to be
 * served slower than its guaranteed share. The level is the smoothed maximum of delay over the target and, where packets
 * were lost, 1.
 */
export class LinkEstimator {
  readonly #options: LinkEstimatorOptions;
  readonly #bytesPerMs: number;
  readonly #levels: readonly Smoothed[];
  readonly #shares: readonly Smoothed[];
  readonly #utilization = new Smoothed();
  readonly #freshMs: number;
  #queue: { readonly now: QueueSample; readonly before: QueueSample | undefined } | undefined;
  #switch:
    | { readonly now: SwitchSample; readonly before: SwitchSample | undefined; readonly arrivedMs: number }
    | undefined;
  #lastMs: number | undefined;

  constructor(options: LinkEstimatorOptions) {
    this.#options = options;
    this.#bytesPerMs = options.rateBps / 8000;
    this.#levels = options.classes.map(() => new Smoothed());
    this.#shares = options.classes.map(() => new Smoothed());
    this.#freshMs = Math.max(FRESH_LEAST_MS, FRESH_INTERVALS * options.settings.intervalMs);
  }

  /** Takes in a reading of the queue; one that is not younger than the last is ignored. */
  queue(sample: QueueSample): void {
    const last = this.#queue?.now;
    if (last !== undefined && sample.timeMs <= last.timeMs) return;
    this.#queue = { now: sample, before: last };
  }

  /** Takes in a reading of the switch's counters, which arrived at `nowMs` of the monotonic clock. */
  counted(sample: SwitchSample, nowMs: number): void {
    const last = this.#switch?.now;
    if (last !== undefined && sample.timeMs === last.timeMs) return;
    // A source that was restarted may have another clock.
    const before = last !== undefined && sample.timeMs > last.timeMs ? last : undefined;
    this.#switch = { now: sample, before, arrivedMs: nowMs };
  }

  /** The estimate at `nowMs`; nothing where no reading is fresh. Each call moves the smoothed figures on to that instant. */
  estimate(nowMs: number): LinkEstimate | undefined {
    const queue =
      this.#queue !== undefined && nowMs - this.#queue.now.timeMs <= this.#freshMs ? this.#queue : undefined;
    const counted =
      this.#switch !== undefined && nowMs - this.#switch.arrivedMs <= this.#freshMs
        ? this.#switch
        : undefined;
    if (queue === undefined && counted === undefined) {
      this.#lastMs = undefined;
      return undefined;
    }
    const weight = this.#weight(nowMs);
    const queueElapsedMs = queue?.before === undefined ? 0 : queue.now.timeMs - queue.before.timeMs;
    const countedElapsedMs = counted?.before === undefined ? 0 : counted.now.timeMs - counted.before.timeMs;
    const total =
      queue === undefined
        ? ratesBetween(counted?.before, counted?.now, countedElapsedMs)
        : ratesBetween(queue.before?.total, queue.now.total, queueElapsedMs);
    const utilization = this.#utilization.follow(clamp(total.bytesPerMs / this.#bytesPerMs), weight);
    let aheadBytes = 0;
    const classes = this.#options.classes.map(({ kernel }, index): ClassCongestion => {
      const own = queue?.now.classes[index];
      const ownBefore = queue?.before?.classes[index];
      const shared = own === undefined;
      const rates = shared ? total : ratesBetween(ownBefore, own, queueElapsedMs);
      const bytesPerMs = shared ? this.#countedRate(index, counted, countedElapsedMs) : rates.bytesPerMs;
      aheadBytes += own?.backlogBytes ?? 0;
      let queueingDelayMs = 0;
      if (queue !== undefined) {
        queueingDelayMs = shared
          ? queue.now.total.backlogBytes / this.#bytesPerMs
          : this.#delayInTree(own, ownBefore, rates, aheadBytes, kernel.sharePercent);
      }
      const raw =
        queue === undefined
          ? (utilization - FULL_FROM) / (1 - FULL_FROM)
          : Math.max(queueingDelayMs / this.#options.settings.targetDelayMs, rates.lossRatio > 0 ? 1 : 0);
      return {
        level: (this.#levels[index] as Smoothed).follow(clamp(raw), weight),
        queueingDelayMs,
        utilization: (this.#shares[index] as Smoothed).follow(clamp(bytesPerMs / this.#bytesPerMs), weight),
        lossRatio: rates.lossRatio,
      };
    });
    return { utilization, classes };
  }

  #weight(nowMs: number): number {
    const elapsedMs = this.#lastMs === undefined ? this.#options.settings.intervalMs : nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    const { smoothingMs } = this.#options.settings;
    return smoothingMs === 0 ? 1 : 1 - Math.exp(-Math.max(0, elapsedMs) / smoothingMs);
  }

  #countedRate(
    index: number,
    counted: { readonly now: SwitchSample; readonly before: SwitchSample | undefined } | undefined,
    elapsedMs: number,
  ): number {
    const to = counted?.now.classBytes[index];
    const from = counted?.before?.classBytes[index];
    if (to === undefined || from === undefined || to < from || !(elapsedMs > 0)) return 0;
    return (to - from) / elapsedMs;
  }

  #delayInTree(
    own: QueueCounters,
    before: QueueCounters | undefined,
    rates: Rates,
    aheadBytes: number,
    sharePercent: number,
  ): number {
    if (own.backlogBytes === 0) return 0;
    const guaranteed = (this.#bytesPerMs * sharePercent) / 100;
    const alwaysWaiting = before !== undefined && before.backlogBytes > 0 && rates.bytesPerMs > 0;
    if (alwaysWaiting) return own.backlogBytes / Math.max(rates.bytesPerMs, guaranteed);
    return Math.min(aheadBytes / this.#bytesPerMs, own.backlogBytes / guaranteed);
  }
}
