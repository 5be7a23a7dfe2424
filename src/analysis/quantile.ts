/**
 * Sample quantile of raw values: definition 7 of Hyndman and Fan ("Sample Quantiles in Statistical Packages",
 * The American Statistician 50(4), 1996), the default of R and NumPy: linear interpolation between the order statistics
 * around position `(n - 1) p`.
 *
 * @param sorted ascending, not empty
 * @param p between 0 and 1
 */
export function quantileSorted(sorted: ArrayLike<number>, p: number): number {
  if (sorted.length === 0) throw new RangeError('quantile of no values');
  if (!(p >= 0 && p <= 1)) throw new RangeError(`quantile level ${p} is outside 0 to 1`);
  const position = (sorted.length - 1) * p;
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (position - below) * (high - low);
}
