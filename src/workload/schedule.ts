import { type Random, seededRandom } from '../core/index.ts';

/** How requests of one workload arrive. */
export interface Arrivals {
  readonly name: string;
  readonly arrivals: 'poisson' | 'fixed-count' | 'constant';
  /** Mean requests per second. */
  readonly rateRps: number;
  /** From when on the mean is another, milliseconds from the start of the schedule, ascending. */
  readonly steps?: readonly RateStep[];
}

/** A change of a workload's rate. */
interface RateStep {
  readonly atMs: number;
  readonly rateRps: number;
}

/** All requests of a trial in the order of their intended send times. Fixed before the first is sent. */
export interface Schedule {
  /** Milliseconds from the start of the schedule, ascending; in shared memory, so that a pacing thread can read it. */
  readonly intendedMs: Float64Array<SharedArrayBuffer>;
  /** The position of each request's workload in the list that the schedule was made from. */
  readonly workload: Uint16Array;
  /** Where the schedule ends: no request is intended at or after it. */
  readonly durationMs: number;
}

/**
 * The arrival times of one workload in [0, durationMs), in milliseconds. `poisson` has exponential gaps. `fixed-count` has
 * exactly as many arrivals as the rate asks for, at independent uniform times: a Poisson process given its count (Ross,
 * "Stochastic Processes", 1996, theorem 2.3.1), so that trials differ in their bursts and not in their load. `constant` has
 * equal gaps with a random phase, so that two constant workloads do not always meet. With steps each stretch of one rate is drawn by itself, which for
 * a Poisson process is the process whose rate changes so (it has no memory).
 */
export function arrivalTimes(arrivals: Arrivals, durationMs: number, random: Random): number[] {
  const changes = [{ atMs: 0, rateRps: arrivals.rateRps }, ...(arrivals.steps ?? [])];
  return changes.flatMap(({ atMs, rateRps }, index) => {
    const endMs = Math.min(durationMs, changes[index + 1]?.atMs ?? durationMs);
    const steady = { ...arrivals, rateRps };
    return endMs <= atMs ? [] : steadyTimes(steady, endMs - atMs, random).map((at) => atMs + at);
  });
}

/** The same at one rate. */
function steadyTimes(arrivals: Arrivals, durationMs: number, random: Random): number[] {
  const gapMs = 1000 / arrivals.rateRps;
  const times: number[] = [];
  if (arrivals.arrivals === 'constant') {
    const phaseMs = random.next() * gapMs;
    for (let count = 0, at = phaseMs; at < durationMs; at = phaseMs + count * gapMs) {
      times.push(at);
      count += 1;
    }
    return times;
  }
  if (arrivals.arrivals === 'fixed-count') {
    const count = Math.round(durationMs / gapMs);
    for (let index = 0; index < count; index += 1) times.push(random.next() * durationMs);
    return times.sort((one, other) => one - other);
  }
  for (let at = random.exponential(gapMs); at < durationMs; at += random.exponential(gapMs)) times.push(at);
  return times;
}

/**
 * Makes the schedule of a trial. Each workload draws from a stream of its own, named by workload and trial: the same seed and trial
 * give the same arrivals whatever other workloads there are.
 */
export function makeSchedule(
  workloads: readonly Arrivals[],
  durationMs: number,
  seed: number,
  trial: number,
): Schedule {
  const root = seededRandom(seed);
  const lists = workloads.map((workload) =>
    arrivalTimes(workload, durationMs, root.child(`workload/${workload.name}`).child(`trial/${trial}`)),
  );
  const total = lists.reduce((sum, list) => sum + list.length, 0);
  const intendedMs = new Float64Array(new SharedArrayBuffer(total * 8));
  const workload = new Uint16Array(total);
  const heads = lists.map(() => 0);
  for (let index = 0; index < total; index += 1) {
    let earliest = -1;
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const [which, list] of lists.entries()) {
      const at = list[heads[which] ?? 0];
      if (at !== undefined && at < earliestMs) {
        earliest = which;
        earliestMs = at;
      }
    }
    intendedMs[index] = earliestMs;
    workload[index] = earliest;
    heads[earliest] = (heads[earliest] ?? 0) + 1;
  }
  return { intendedMs, workload, durationMs };
}
