import { quantileSorted } from './quantile.ts';
import type { RequestRecord } from './records.ts';

/** How a class fared around one moment, over several trials. */
export interface LoadPoint {
  /** Beginning of the window, seconds since the start of the measuring window. */
  readonly timeS: number;
  /** Requests a second that were due, and that met their objective. */
  readonly offeredRps: number;
  readonly goodRps: number;
  /** p99 of the latency of those that were answered well or late; undefined where none was. */
  readonly p99Ms: number | undefined;
}

/** The course of a class over `[startMs, endMs)`, by when requests were due, one point a window; the trials are put on top of each other. */
export function loadOverTime(
  trials: readonly (readonly RequestRecord[])[],
  judge: {
    met(request: RequestRecord): boolean;
    /** Latency of a request that was answered; undefined for another. */
    answeredMs(request: RequestRecord): number | undefined;
  },
  { startMs, endMs, widthMs }: { startMs: number; endMs: number; widthMs: number },
): LoadPoint[] {
  const count = Math.floor((endMs - startMs) / widthMs);
  const windows = Array.from({ length: count }, () => ({ offered: 0, good: 0, latencies: [] as number[] }));
  for (const request of trials.flat()) {
    const own = windows[Math.floor((request.intendedMs - startMs) / widthMs)];
    if (own === undefined) continue;
    own.offered += 1;
    if (judge.met(request)) own.good += 1;
    const tookMs = judge.answeredMs(request);
    if (tookMs !== undefined) own.latencies.push(tookMs);
  }
  const perSecond = 1000 / (widthMs * Math.max(1, trials.length));
  return windows.map(({ offered, good, latencies }, at) => ({
    timeS: (at * widthMs) / 1000,
    offeredRps: offered * perSecond,
    goodRps: good * perSecond,
    p99Ms: latencies.length === 0 ? undefined : quantileSorted(Float64Array.from(latencies).sort(), 0.99),
  }));
}
