import { mean } from 'simple-statistics';
import { METRIC_NAMES, type MetricName } from '../config/index.ts';
import { type EpisodeInput, type EpisodeMetric, episodeMetrics } from './episode.ts';
import { type StepInput, type StepMetric, stepMetrics } from './load-step.ts';
import { quantileSorted } from './quantile.ts';
import type { MeasuringWindow, RequestObjective, RequestRecord, ThroughputBin } from './records.ts';

/** A metric of the wait in a message queue: only requests that pass one have it. */
export type QueueWaitMetric = Extract<MetricName, `queueWaitMs.${string}`>;

/** Every metric of one class in one trial. */
export type TrialMetrics = Readonly<
  Record<Exclude<MetricName, QueueWaitMetric | EpisodeMetric | StepMetric>, number> &
    Partial<Record<QueueWaitMetric | EpisodeMetric | StepMetric, number>>
>;

/** Whether a name is a metric that experiments may compare. */
export function isMetricName(name: string): name is MetricName {
  return (METRIC_NAMES as readonly string[]).includes(name);
}

/** Whether a smaller value of the metric is better. */
export function smallerIsBetter(metric: MetricName): boolean {
  return (
    metric.startsWith('latencyMs.') ||
    metric.startsWith('queueWaitMs.') ||
    metric.startsWith('episode.') ||
    metric.startsWith('step.latencyMs.') ||
    metric.startsWith('step.timeToSettleMs.') ||
    metric === 'errorRatio'
  );
}

/** Whether the whole response came, with a status of success. */
export function succeeded(request: RequestRecord): boolean {
  return (
    request.error === '' &&
    request.endMs !== undefined &&
    request.status !== undefined &&
    request.status >= 200 &&
    request.status < 400
  );
}

/** The error of a request that was cut off because the trial was over: nothing had failed yet. */
const CUT_OFF = 'unfinished';

/** How long a request could have gone on. */
export interface RequestLimits {
  /** Time-out of its workload. */
  readonly timeoutMs: number;
  /** When the trial was over, milliseconds since the start of the schedule. */
  readonly cutOffMs: number;
}

/**
 * Latency of a request from its intended send time, milliseconds. A request that failed (refused, shed, broken off, timed
 * out) counts as its workload's time-out, or as the time it really took when that is longer: a fast refusal must not look like
 * a fast answer. A request that was cut off by the end of the trial counts as the time it had waited (a right-censored value, entered as its
 * lower bound), at most the time-out. The error ratio counts both.
 */
export function latencyMs(request: RequestRecord, limits: RequestLimits): number {
  const elapsed = request.endMs === undefined ? 0 : request.endMs - request.intendedMs;
  if (succeeded(request)) return elapsed;
  const waited =
    request.error === CUT_OFF
      ? Math.min(limits.timeoutMs, limits.cutOffMs - request.intendedMs)
      : limits.timeoutMs;
  return Math.max(elapsed, waited);
}

/**
 * Whether a request got what its class promises: it succeeded, within the latency if one is promised, and at the rate
 * (body bits over the time since the intended send) if one is promised.
 */
export function meetsObjective(request: RequestRecord, objective: RequestObjective): boolean {
  if (!succeeded(request) || request.endMs === undefined) return false;
  const elapsedMs = request.endMs - request.intendedMs;
  if (objective.latencyMs !== undefined && elapsedMs > objective.latencyMs) return false;
  return objective.goodputBps === undefined || request.bytes * 8000 >= objective.goodputBps * elapsedMs;
}

/** What the metrics of one class in one trial are computed from. */
export interface TrialMetricsInput {
  /** The class's requests of the measuring phase, not empty. */
  readonly requests: readonly RequestRecord[];
  /** The class's requests of both phases. */
  readonly everyRequest: readonly RequestRecord[];
  /** Whether requests of the class pass a message queue in this arm. */
  readonly queued: boolean;
  /** The class's bins, of any time. */
  readonly throughput: readonly ThroughputBin[];
  readonly window: MeasuringWindow;
  readonly objective: RequestObjective;
  /** Absent in an experiment without cross traffic. */
  readonly episode?: Pick<EpisodeInput, 'className' | 'episode' | 'events'> | undefined;
  /** Absent in an experiment without a step of the load. */
  readonly step?: StepInput['step'] | undefined;
  timeoutMs(workload: string): number;
}

/**
 * Computes every metric of one class in one trial. Latencies as {@link latencyMs}; `goodputRps` counts the successful requests that were
 * due inside the window, `throughputRps` those whose response ended inside the window, whenever they were due, `goodputBps` the body bits that
 * arrived inside the window (of whatever request), all over the window's length; `errorRatio` and `sloAttainment` are shares of the requests
 * that were due inside the window. A queue wait is what the response says; a request that failed counts with its latency, so that
 * those that waited too long are not left out.
 */
export function trialMetrics(input: TrialMetricsInput): TrialMetrics {
  const { requests, window, objective } = input;
  const count = requests.length;
  const met = (request: RequestRecord): boolean => meetsObjective(request, objective);
  const took = (request: RequestRecord): number =>
    latencyMs(request, { timeoutMs: input.timeoutMs(request.workload), cutOffMs: window.cutOffMs });
  const latencies = Float64Array.from(requests, took).sort();
  const good = requests.filter(succeeded).length;
  const lengthMs = window.endMs - window.startMs;
  const answered = input.everyRequest.filter(
    (request) => succeeded(request) && isWithin(request.endMs, window),
  ).length;
  let bytes = 0;
  for (const bin of input.throughput) {
    if (isWithin(bin.startMs, window)) bytes += bin.bytes;
  }
  return {
    'latencyMs.p50': quantileSorted(latencies, 0.5),
    'latencyMs.p90': quantileSorted(latencies, 0.9),
    'latencyMs.p99': quantileSorted(latencies, 0.99),
    'latencyMs.p999': quantileSorted(latencies, 0.999),
    'latencyMs.mean': mean([...latencies]),
    goodputRps: (good * 1000) / lengthMs,
    throughputRps: (answered * 1000) / lengthMs,
    goodputBps: (bytes * 8000) / lengthMs,
    errorRatio: (count - good) / count,
    sloAttainment: requests.filter(met).length / count,
    ...(input.queued ? queueWaits(requests, took) : {}),
    ...(input.episode === undefined ? {} : episodeMetrics({ ...input.episode, requests, took })),
    ...(input.step === undefined ? {} : stepMetrics({ step: input.step, window, requests, took, met })),
  };
}

/** The figures of the wait in a queue. A response that says nothing of one is left out: its request took another way. */
function queueWaits(
  requests: readonly RequestRecord[],
  took: (request: RequestRecord) => number,
): Partial<Record<QueueWaitMetric, number>> {
  const waits = Float64Array.from(
    requests.flatMap((request) => (succeeded(request) ? (request.queueWaitMs ?? []) : took(request))),
  ).sort();
  if (waits.length === 0) return {};
  return {
    'queueWaitMs.p50': quantileSorted(waits, 0.5),
    'queueWaitMs.p90': quantileSorted(waits, 0.9),
    'queueWaitMs.p99': quantileSorted(waits, 0.99),
    'queueWaitMs.mean': mean([...waits]),
  };
}

function isWithin(timeMs: number | undefined, { startMs, endMs }: MeasuringWindow): boolean {
  return timeMs !== undefined && timeMs >= startMs && timeMs < endMs;
}
