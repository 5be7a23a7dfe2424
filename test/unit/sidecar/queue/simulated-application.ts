import { type AdaptiveConcurrency, type Random, seededRandom } from '../../../../src/core/index.ts';
import { AdaptiveLimit } from '../../../../src/sidecar/queue/concurrency/index.ts';

/** What can be changed while a simulation goes on. */
export interface Conditions {
  /** Requests a second, by class. */
  readonly ratesRps: readonly number[];
  /** Mean service time, by class. */
  readonly serviceMs: readonly number[];
  readonly workers: number;
  /** `exponential`, or all alike. */
  readonly service: 'exponential' | 'constant';
}

interface Running {
  readonly classIndex: number;
  readonly admittedMs: number;
  readonly among: number;
  readonly workMs: number;
}

interface Happening {
  readonly atMs: number;
  readonly then: () => void;
}

/** One moment of a simulation. */
export interface Moment {
  readonly atMs: number;
  readonly limit: number;
  readonly completed: number;
  readonly baselineMs: readonly number[];
}

/**
 * An application with so many workers and a line of its own (M/G/k), behind an adaptive limit with a line in front of it. Events in the order of their
 * time; everything is drawn from one seed.
 */
export class SimulatedApplication {
  readonly limit: AdaptiveLimit;
  readonly moments: Moment[] = [];
  conditions: Conditions;
  readonly #random: Random;
  readonly #agenda: Happening[] = [];
  readonly #outside: number[] = [];
  readonly #inside: Running[] = [];
  #busy = 0;
  #running = 0;
  #completed = 0;
  #nowMs = 0;

  constructor(settings: AdaptiveConcurrency, conditions: Conditions, seed: number) {
    this.limit = new AdaptiveLimit(settings, conditions.ratesRps.length, 0);
    this.conditions = conditions;
    this.#random = seededRandom(seed);
    for (let index = 0; index < conditions.ratesRps.length; index += 1) this.#arrive(index);
    this.#note();
  }

  run(untilMs: number): void {
    for (;;) {
      const [next] = this.#agenda;
      if (next === undefined || next.atMs > untilMs) break;
      this.#agenda.shift();
      this.#nowMs = next.atMs;
      next.then();
    }
    this.#nowMs = untilMs;
  }

  /** The mean of the limit over a span. */
  meanLimit(fromMs: number, toMs: number): number {
    const within = this.moments.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    return within.reduce((sum, { limit }) => sum + limit, 0) / within.length;
  }

  /** Requests completed a second in a span. */
  throughput(fromMs: number, toMs: number): number {
    const at = (ms: number) => this.moments.findLast(({ atMs }) => atMs <= ms)?.completed ?? 0;
    return ((at(toMs) - at(fromMs)) * 1000) / (toMs - fromMs);
  }

  #after(ms: number, then: () => void): void {
    const atMs = this.#nowMs + ms;
    const place = this.#agenda.findLastIndex((one) => one.atMs <= atMs);
    this.#agenda.splice(place + 1, 0, { atMs, then });
  }

  #note(): void {
    const { baselineMs } = this.limit.statistics();
    this.moments.push({
      atMs: this.#nowMs,
      limit: this.limit.current,
      completed: this.#completed,
      baselineMs,
    });
    this.#after(10, () => this.#note());
  }

  #arrive(classIndex: number): void {
    const rate = this.conditions.ratesRps[classIndex] ?? 0;
    this.#after(rate > 0 ? this.#random.exponential(1000 / rate) : 100, () => {
      // Bounded, as the request queue is.
      if (rate > 0 && this.#outside.length < 100) this.#outside.push(classIndex);
      this.#admit();
      this.#arrive(classIndex);
    });
  }

  #admit(): void {
    while (this.#outside.length > 0 && this.#running < this.limit.current) {
      const classIndex = this.#outside.shift() as number;
      this.#running += 1;
      const { serviceMs, service } = this.conditions;
      const mean = serviceMs[classIndex] as number;
      this.#inside.push({
        classIndex,
        admittedMs: this.#nowMs,
        among: this.#running,
        workMs: service === 'constant' ? mean : this.#random.exponential(mean),
      });
      this.#work();
    }
  }

  #work(): void {
    while (this.#busy < this.conditions.workers) {
      const one = this.#inside.shift();
      if (one === undefined) return;
      this.#busy += 1;
      this.#after(one.workMs, () => {
        this.#busy -= 1;
        this.#running -= 1;
        this.#completed += 1;
        this.limit.observe(one.classIndex, this.#nowMs - one.admittedMs, one.among, this.#nowMs);
        this.#work();
        this.#admit();
      });
    }
  }
}
