/** With fewer samples of a class than these a probe's mean is weighed against what was known. */
const FULL_WEIGHT = 8;
/** Within this factor of what was known a probe's mean may be noise, and the mean of both is taken. */
const NOISE = 1.3;
/** How fast the baseline follows what is measured without load. */
const FOLLOW = 0.1;
/** What took less than this share of the baseline was not noise: the application has become faster. */
const CLEARLY_FASTER = 0.7;

/**
 * How long requests take without load, by class: classes take different times, so a change of the mix must not look like one of the load.
 */
export class Baseline {
  readonly #meanMs: Float64Array;

  constructor(classes: number) {
    this.#meanMs = new Float64Array(classes);
  }

  /** 0 until something is known. */
  of(classIndex: number): number {
    return this.#meanMs[classIndex] as number;
  }

  /** A mean of `count` requests that were measured with as little load as a probe leaves. */
  measured(classIndex: number, meanMs: number, count: number): void {
    const known = this.of(classIndex);
    const alike = meanMs < NOISE * known && meanMs * NOISE > known;
    const weight = known === 0 ? 1 : Math.min(alike ? 0.5 : 1, count / FULL_WEIGHT);
    this.#meanMs[classIndex] = known + weight * (meanMs - known);
  }

  /** The mean of a window; `loaded` says whether the application may have had a queue. */
  follow(classIndex: number, meanMs: number, loaded: boolean): void {
    const known = this.of(classIndex);
    if (known === 0) this.#meanMs[classIndex] = meanMs;
    else if (!loaded || meanMs < CLEARLY_FASTER * known) {
      this.#meanMs[classIndex] = known + FOLLOW * (meanMs - known);
    }
  }
}
