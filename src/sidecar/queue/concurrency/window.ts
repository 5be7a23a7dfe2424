import type { Baseline } from './baseline.ts';

/** What requests took, by class, since the window began. Reused, so that a sample allocates nothing. */
export class SampleWindow {
  readonly #sumMs: Float64Array;
  readonly #counts: Int32Array;
  count = 0;
  /** The most that ran at once when one of them began. */
  most = 0;
  sinceMs = 0;

  constructor(classes: number) {
    this.#sumMs = new Float64Array(classes);
    this.#counts = new Int32Array(classes);
  }

  add(classIndex: number, tookMs: number, among: number): void {
    this.#sumMs[classIndex] = (this.#sumMs[classIndex] as number) + tookMs;
    this.#counts[classIndex] = (this.#counts[classIndex] as number) + 1;
    this.count += 1;
    this.most = Math.max(this.most, among);
  }

  countOf(classIndex: number): number {
    return this.#counts[classIndex] as number;
  }

  /** NaN without a sample. */
  meanMs(classIndex: number): number {
    return (this.#sumMs[classIndex] as number) / this.countOf(classIndex);
  }

  /** The time that all samples took over the time that they would have taken without load. */
  stretch(baseline: Baseline): number {
    let took = 0;
    let usual = 0;
    for (let index = 0; index < this.#counts.length; index += 1) {
      took += this.#sumMs[index] as number;
      usual += this.countOf(index) * baseline.of(index);
    }
    return usual > 0 ? took / usual : 1;
  }

  restart(nowMs: number): void {
    this.#sumMs.fill(0);
    this.#counts.fill(0);
    this.count = 0;
    this.most = 0;
    this.sinceMs = nowMs;
  }
}
