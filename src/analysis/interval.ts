import { mean, sampleStandardDeviation } from 'simple-statistics';
import { studentQuantile } from './student.ts';

/** A value with its 95 % interval. The bounds are null when a single trial gives no spread to judge by. */
export interface Estimate {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** The confidence of every interval. */
export const CONFIDENCE = 0.95;

/**
 * Arithmetic mean with Student's interval (n - 1 degrees of freedom). With the 3 to 12 trials of an experiment Student's
 * interval is preferred over the bootstrap: three trials have only ten distinct resamples, and a percentile bootstrap of so
 * few covers far less than it claims (Hesterberg, "What Teachers Should Know About the Bootstrap", The American
 * Statistician 69(4), 2015).
 *
 * @param values one for each trial, not empty
 */
export function meanInterval(values: readonly number[]): Estimate {
  const value = mean([...values]);
  if (values.length < 2) return { value, low: null, high: null };
  const half =
    (studentQuantile(CONFIDENCE, values.length - 1) * sampleStandardDeviation([...values])) /
    Math.sqrt(values.length);
  return { value, low: value - half, high: value + half };
}

/**
 * Geometric mean with Student's interval on the logarithms: for times and rates, whose errors multiply, and whose interval
 * must not reach below zero. Falls back to {@link meanInterval}, cut at zero, when a value is not positive.
 */
export function geometricInterval(values: readonly number[]): Estimate {
  if (values.some((value) => !(value > 0))) return amountInterval(values);
  const { value, low, high } = meanInterval(values.map(Math.log));
  return {
    value: Math.exp(value),
    low: low === null ? null : Math.exp(low),
    high: high === null ? null : Math.exp(high),
  };
}

/** Mean of proportions with Student's interval over trials, cut to 0..1. */
export function proportionInterval(values: readonly number[]): Estimate {
  return clip(meanInterval(values), 0, 1);
}

/** Mean of counts or amounts, zeros among them, with Student's interval over trials, cut at zero. */
export function amountInterval(values: readonly number[]): Estimate {
  return clip(meanInterval(values), 0, Number.POSITIVE_INFINITY);
}

/** A ratio with its interval. The value is null when the denominator is zero. */
export interface RatioEstimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/**
 * Ratio of two arms over the blocks that both have: the geometric mean of the blocks' ratios, with Student's interval on
 * their logarithms. Pairing takes out what the arrivals of a block do to both arms. Where a value is zero there is no
 * logarithm: the ratio of the arithmetic means is given, without an interval.
 *
 * @param of numerators, one a block
 * @param to denominators, in the same order of blocks
 */
export function pairedRatio(of: readonly number[], to: readonly number[]): RatioEstimate {
  if (of.length !== to.length || of.length === 0) throw new RangeError('a paired ratio needs pairs');
  const ratios = of.map((numerator, index) => numerator / (to[index] as number));
  if (ratios.every((ratio) => ratio > 0 && Number.isFinite(ratio))) return geometricInterval(ratios);
  const denominator = mean([...to]);
  return { value: denominator === 0 ? null : mean([...of]) / denominator, low: null, high: null };
}

/** Mean difference `of - to` over paired blocks, with Student's interval. */
export function pairedDifference(of: readonly number[], to: readonly number[]): Estimate {
  if (of.length !== to.length || of.length === 0) throw new RangeError('a paired difference needs pairs');
  return meanInterval(of.map((value, index) => value - (to[index] as number)));
}

function clip(estimate: Estimate, least: number, most: number): Estimate {
  const cut = (value: number) => Math.min(most, Math.max(least, value));
  return {
    value: cut(estimate.value),
    low: estimate.low === null ? null : cut(estimate.low),
    high: estimate.high === null ? null : cut(estimate.high),
  };
}
