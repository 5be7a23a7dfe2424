import { quantileSorted } from './quantile.ts';
import type { RequestRecord } from './records.ts';

/** The latency of a class around one moment. */
export interface LatencyPoint {
  /** Beginning of the window, seconds since the start of the measuring window. */
  readonly timeS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The course of a class's latency over `[startMs, endMs)`, by when requests were due; a window without requests is left out. */
export function latencyOverTime(
  requests: readonly RequestRecord[],
  took: (request: RequestRecord) => number,
  { startMs, endMs, widthMs }: { startMs: number; endMs: number; widthMs: number },
): LatencyPoint[] {
  const windows = new Map<number, number[]>();
  for (const request of requests) {
    if (request.intendedMs < startMs || request.intendedMs >= endMs) continue;
    const at = Math.floor((request.intendedMs - startMs) / widthMs);
    const own = windows.get(at) ?? [];
    windows.set(at, own);
    own.push(took(request));
  }
  return [...windows]
    .sort(([one], [other]) => one - other)
    .map(([at, latencies]) => {
      const sorted = Float64Array.from(latencies).sort();
      return {
        timeS: (at * widthMs) / 1000,
        p50Ms: quantileSorted(sorted, 0.5),
        p99Ms: quantileSorted(sorted, 0.99),
      };
    });
}

/** What a link carried of a class, and how congested it was for it, at one moment. */
export interface LinkClassSample {
  /** Milliseconds since the start of the schedule. */
  readonly timeMs: number;
  readonly link: string;
  readonly className: string;
  /** 0 to 1. */
  readonly level: number;
  /** Of the link's rate, 0 to 1. */
  readonly utilization: number;
}

/** Something of each path at one moment. */
export interface PathPoint {
  /** Beginning of the window, seconds since the start of the measuring window. */
  readonly timeS: number;
  readonly path: string;
  readonly value: number;
}

interface Span {
  readonly startMs: number;
  readonly endMs: number;
  readonly widthMs: number;
}

/** Samples by window and path; `pathOf` says which path a link belongs to. */
function byWindow(
  samples: readonly LinkClassSample[],
  pathOf: (link: string) => string | undefined,
  { startMs, endMs, widthMs }: Span,
): Map<number, Map<string, LinkClassSample[]>> {
  const windows = new Map<number, Map<string, LinkClassSample[]>>();
  for (const sample of samples) {
    const path = pathOf(sample.link);
    if (path === undefined || sample.timeMs < startMs || sample.timeMs >= endMs) continue;
    const at = Math.floor((sample.timeMs - startMs) / widthMs);
    const paths = windows.get(at) ?? new Map<string, LinkClassSample[]>();
    windows.set(at, paths);
    const own = paths.get(path) ?? [];
    paths.set(path, own);
    own.push(sample);
  }
  return new Map([...windows].sort(([one], [other]) => one - other));
}

/** How congested each path was for a class: the highest level of its links in each window. */
export function levelOverTime(
  samples: readonly LinkClassSample[],
  pathOf: (link: string) => string | undefined,
  span: Span,
): PathPoint[] {
  return [...byWindow(samples, pathOf, span)].flatMap(([at, paths]) =>
    [...paths].map(([path, own]) => ({
      timeS: (at * span.widthMs) / 1000,
      path,
      value: Math.max(...own.map(({ level }) => level)),
    })),
  );
}

/** Which share of what a class sent went over each path, in each window in which it sent anything. */
export function shareOverTime(
  samples: readonly LinkClassSample[],
  pathOf: (link: string) => string | undefined,
  span: Span,
): PathPoint[] {
  return [...byWindow(samples, pathOf, span)].flatMap(([at, paths]) => {
    const sums = [...paths].map(
      ([path, own]) => [path, own.reduce((sum, { utilization }) => sum + utilization, 0)] as const,
    );
    const total = sums.reduce((sum, [, value]) => sum + value, 0);
    if (total <= 0) return [];
    return sums.map(([path, value]) => ({ timeS: (at * span.widthMs) / 1000, path, value: value / total }));
  });
}
