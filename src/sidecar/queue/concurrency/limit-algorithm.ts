/** How a limit follows what is measured: one small function for each algorithm. */
export interface LimitAlgorithm {
  readonly name: string;
  /**
   * The limit after a window in which the limit was the bound.
   * @param limit before, a fraction is kept
   * @param stretch how many times longer requests took than without load, 1 and more; what is below 1 is noise
   */
  next(limit: number, stretch: number): number;
}
