import type { ThroughputBin } from './records.ts';

/** One point of a complementary cumulative distribution. */
export interface CcdfPoint {
  readonly latencyMs: number;
  /** The share of the requests that took at least this long. */
  readonly share: number;
}

/**
 * The complementary cumulative distribution of latencies, thinned to about `limit` points that are even on a logarithmic share axis,
 * so that the tail keeps every request.
 *
 * @param latencies in any order, not empty
 */
export function ccdf(latencies: readonly number[], limit = 150): CcdfPoint[] {
  const sorted = Float64Array.from(latencies).sort();
  const count = sorted.length;
  const points: CcdfPoint[] = [];
  let last = -1;
  for (let step = 0; step <= limit; step += 1) {
    const share = count ** (-step / limit);
    const index = Math.min(count - 1, Math.round(count - count * share));
    if (index === last) continue;
    last = index;
    points.push({ latencyMs: sorted[index] as number, share: (count - index) / count });
  }
  return points;
}

/** The rate at which a class's response bytes arrived around one moment. */
export interface RatePoint {
  /** Middle of the bin, seconds since the start of the measuring window. */
  readonly timeS: number;
  readonly className: string;
  readonly rateBps: number;
}

/** Sums throughput bins into wider ones over `[startMs, endMs)`; classes without bytes get zeros, so that areas can be stacked. */
export function rateOverTime(
  bins: readonly ThroughputBin[],
  classes: readonly string[],
  startMs: number,
  endMs: number,
  widthMs: number,
): RatePoint[] {
  const count = Math.floor((endMs - startMs) / widthMs);
  const sums = new Map(classes.map((name) => [name, new Float64Array(Math.max(count, 0))]));
  for (const bin of bins) {
    const index = Math.floor((bin.startMs - startMs) / widthMs);
    const sum = sums.get(bin.className);
    if (sum !== undefined && index >= 0 && index < count) sum[index] = (sum[index] ?? 0) + bin.bytes;
  }
  return [...sums].flatMap(([className, sum]) =>
    Array.from(sum, (bytes, index) => ({
      timeS: ((index + 0.5) * widthMs) / 1000,
      className,
      rateBps: (bytes * 8000) / widthMs,
    })),
  );
}
