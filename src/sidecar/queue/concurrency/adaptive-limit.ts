import type { AdaptiveConcurrency } from '../../../core/index.ts';
import { Baseline } from './baseline.ts';
import { gradient } from './gradient.ts';
import type { LimitAlgorithm } from './limit-algorithm.ts';
import { vegas } from './vegas.ts';
import { SampleWindow } from './window.ts';

/** A window ends when it is old enough and has so many samples: fewer say nothing. */
const WINDOW_SAMPLES = 10;
/** A probe ends with so many samples, or after this long. */
const PROBE_SAMPLES = 50;
const PROBE_MS = 1000;
/** A limit that has fallen to this share since the last probe is looked into early, but not before this share of the interval. */
const FALLEN = 0.5;
const EARLY = 0.1;

/** An algorithm a name. */
const ALGORITHMS: Readonly<Record<AdaptiveConcurrency['adaptive'], LimitAlgorithm>> = { gradient, vegas };

/** What is told of a limit, and what it came from. */
export interface LimitStatistics {
  readonly algorithm: string;
  readonly limit: number;
  readonly probing: boolean;
  readonly probes: number;
  readonly windows: number;
  /** Of the last window: times the time without load. */
  readonly stretch: number;
  /** By class index; 0 where nothing is known. */
  readonly baselineMs: readonly number[];
}

/**
 * A concurrency limit that follows the application: pure, with the clock handed in.
 *
 * Samples go into windows. A window's _stretch_ (how many times longer its requests took than those of their classes take without load) is what
 * the algorithm sees. The limit never grows in a window that did not use it: a limit that nobody reaches says nothing about the application.
 *
 * The time without load is measured by _probes_: at the start with the least limit, and then once an interval with half of what seems to be in service,
 * for fifty requests or a second. So an overload that lasts does not become normal: under a probe its queue is gone, or shorter, and the
 * next probe sees less. Windows that used at most half of the limit are as good as a probe.
 */
export class AdaptiveLimit {
  readonly #settings: AdaptiveConcurrency;
  readonly #algorithm: LimitAlgorithm;
  readonly #baseline: Baseline;
  readonly #classes: number;
  readonly #window: SampleWindow;
  #limit: number;
  #probing = true;
  #probeLimit: number;
  #probes = 0;
  #windows = 0;
  #stretch = 1;
  #lastProbeMs = 0;
  #limitAtProbe: number;

  constructor(settings: AdaptiveConcurrency, classes: number, nowMs: number) {
    this.#settings = settings;
    this.#algorithm = ALGORITHMS[settings.adaptive];
    this.#classes = classes;
    this.#baseline = new Baseline(classes);
    this.#window = new SampleWindow(classes);
    this.#window.restart(nowMs);
    this.#limit = settings.initial;
    this.#limitAtProbe = settings.initial;
    this.#probeLimit = settings.min;
  }

  /** How many requests the application may have now. */
  get current(): number {
    return this.#probing ? this.#probeLimit : Math.floor(this.#limit);
  }

  /**
   * A request was answered.
   * @param tookMs from its admission to the head of its response
   * @param among how many ran when it had begun, itself included
   */
  observe(classIndex: number, tookMs: number, among: number, nowMs: number): void {
    const window = this.#window;
    if (this.#probing) {
      // What began while more were under way would measure their queue.
      if (among <= this.#probeLimit) window.add(classIndex, tookMs, among);
      if (window.count >= PROBE_SAMPLES || nowMs - window.sinceMs >= PROBE_MS) this.#endProbe(nowMs);
      return;
    }
    window.add(classIndex, tookMs, among);
    if (window.count >= WINDOW_SAMPLES && nowMs - window.sinceMs >= this.#settings.windowMs) {
      this.#endWindow(nowMs);
    }
  }

  statistics(): LimitStatistics {
    return {
      algorithm: this.#algorithm.name,
      limit: this.current,
      probing: this.#probing,
      probes: this.#probes,
      windows: this.#windows,
      stretch: round(this.#stretch),
      baselineMs: Array.from({ length: this.#classes }, (_, index) => round(this.#baseline.of(index))),
    };
  }

  #endWindow(nowMs: number): void {
    const window = this.#window;
    const loaded = window.most > this.#limit / 2;
    for (let index = 0; index < this.#classes; index += 1) {
      if (window.countOf(index) > 0) this.#baseline.follow(index, window.meanMs(index), loaded);
    }
    this.#stretch = window.stretch(this.#baseline);
    this.#windows += 1;
    const next = this.#algorithm.next(this.#limit, this.#stretch);
    const used = window.most >= Math.floor(this.#limit);
    if (next < this.#limit || used) {
      this.#limit = Math.min(this.#settings.max, Math.max(this.#settings.min, next));
    }
    window.restart(nowMs);
    const age = nowMs - this.#lastProbeMs;
    const { probeIntervalMs } = this.#settings;
    const fallen = this.#limit <= FALLEN * this.#limitAtProbe;
    if (age >= probeIntervalMs || (fallen && age >= EARLY * probeIntervalMs)) this.#beginProbe();
  }

  #beginProbe(): void {
    this.#probing = true;
    // So many seem to be in service, by what is known: half of them queue nowhere.
    const inService = this.#limit / Math.max(1, this.#stretch);
    this.#probeLimit = Math.max(this.#settings.min, Math.floor(inService / 2));
  }

  #endProbe(nowMs: number): void {
    const window = this.#window;
    for (let index = 0; index < this.#classes; index += 1) {
      const count = window.countOf(index);
      if (count > 0) this.#baseline.measured(index, window.meanMs(index), count);
    }
    if (window.count > 0) this.#stretch = window.stretch(this.#baseline);
    this.#probing = false;
    this.#probes += 1;
    this.#lastProbeMs = nowMs;
    this.#limitAtProbe = this.#limit;
    window.restart(nowMs);
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
