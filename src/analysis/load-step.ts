import type { MetricName } from '../config/index.ts';
import { quantileSorted } from './quantile.ts';
import type { Episode, MeasuringWindow, RequestRecord } from './records.ts';

/** A figure of a step of the load, which only some experiments have. */
export type StepMetric = Extract<MetricName, `step.${string}`>;

/** Windows of this width slide over the requests, by this much at a time. */
export const SETTLE_WINDOW_MS = 100;
export const SETTLE_SLIDE_MS = 10;
/** A window is good when so many of its requests met their objective. */
export const SETTLE_SHARE = 0.9;

/** What the figures of a step of one class in one trial are computed from. */
export interface StepInput {
  /** From the step up to the step down. */
  readonly step: Episode;
  readonly window: MeasuringWindow;
  /** The class's requests of the measuring phase. */
  readonly requests: readonly RequestRecord[];
  /** Latency of a request, milliseconds. */
  took(request: RequestRecord): number;
  /** Whether it got what its class promises. */
  met(request: RequestRecord): boolean;
}

/**
 * The figures of a step of the load, up and down again:
 * - `goodShare`: of the requests that were due before, during and after it, which share met the class's objective: goodput within the objective as a
 *   share of the offered load;
 * - `goodRps`: how many such requests a second there were during it;
 * - `latencyMs`: quantiles over the requests that were due during it;
 * - `timeToSettleMs`: from the step `up`, and from the step `down`, to the first instant from which on every window of {@link SETTLE_WINDOW_MS} is
 *   good: at least {@link SETTLE_SHARE} of the requests that were due in it met the objective. Instants are {@link SETTLE_SLIDE_MS} apart; a window
 *   without requests is good. Bad to the end: the time from the one step to the other, or to the end of the measurement. It is by when requests
 *   were due, so that it says from when on a caller is served well. (Breakwater, Cho et al., OSDI 2020, likewise tells how long after a shift of the load
 *   goodput and latency have come back.)
 *
 * A phase in which no request was due has no figure.
 */
export function stepMetrics({
  step,
  window,
  requests,
  took,
  met,
}: StepInput): Partial<Record<StepMetric, number>> {
  const due = (startMs: number, endMs: number) =>
    requests.filter(({ intendedMs }) => intendedMs >= startMs && intendedMs < endMs);
  const figures: Partial<Record<StepMetric, number>> = {};
  const phases = {
    before: due(window.startMs, step.startMs),
    during: due(step.startMs, step.endMs),
    after: due(step.endMs, window.endMs),
  };
  for (const phase of ['before', 'during', 'after'] as const) {
    const own = phases[phase];
    if (own.length > 0) figures[`step.goodShare.${phase}`] = own.filter(met).length / own.length;
  }
  const { during, after } = phases;
  if (during.length > 0) {
    const latencies = Float64Array.from(during, took).sort();
    figures['step.goodRps'] = (during.filter(met).length * 1000) / (step.endMs - step.startMs);
    figures['step.latencyMs.p50'] = quantileSorted(latencies, 0.5);
    figures['step.latencyMs.p99'] = quantileSorted(latencies, 0.99);
    figures['step.timeToSettleMs.up'] = timeToSettle(during, met, step);
  }
  if (after.length > 0) {
    figures['step.timeToSettleMs.down'] = timeToSettle(after, met, {
      startMs: step.endMs,
      endMs: window.endMs,
    });
  }
  return figures;
}

function timeToSettle(
  requests: readonly RequestRecord[],
  met: (request: RequestRecord) => boolean,
  { startMs, endMs }: Episode,
): number {
  const lengthMs = endMs - startMs;
  let settledMs = 0;
  let last = 0;
  for (let atMs = 0; atMs + SETTLE_WINDOW_MS <= lengthMs; atMs += SETTLE_SLIDE_MS) {
    last = atMs;
    const own = requests.filter(
      ({ intendedMs }) => intendedMs - startMs >= atMs && intendedMs - startMs < atMs + SETTLE_WINDOW_MS,
    );
    if (own.filter(met).length < SETTLE_SHARE * own.length) settledMs = atMs + SETTLE_SLIDE_MS;
  }
  return settledMs > last ? lengthMs : settledMs;
}
