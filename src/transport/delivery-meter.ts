/** Shorter than this, acknowledgements that come in bunches look like a rate. */
const METER_MS = 30;
const PEAK_PERIOD_MS = 500;
const BEST_PERIOD_MS = 10_000;

/** Measures how fast bytes are acknowledged: the rate just now, and its peak within the last half to one second. */
export class DeliveryMeter {
  #sinceMs = Number.NaN;
  #bytes = 0;
  #latestBps = 0;
  #periodStartMs = Number.NEGATIVE_INFINITY;
  #peakBps = 0;
  #lastPeakBps = 0;
  #bestStartMs = Number.NEGATIVE_INFINITY;
  #bestBps = 0;
  #lastBestBps = 0;

  get latestBps(): number {
    return this.#latestBps;
  }

  /** 0 while nothing is known. */
  get peakBps(): number {
    return Math.max(this.#peakBps, this.#lastPeakBps);
  }

  /** The time until now was a pause and says nothing of the path. */
  pause(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#bytes = 0;
    this.#periodStartMs = nowMs;
    this.#lastPeakBps = this.peakBps;
    this.#peakBps = 0;
  }

  /** The peak of the last ten to twenty seconds. */
  get bestBps(): number {
    return Math.max(this.#bestBps, this.#lastBestBps);
  }

  forget(): void {
    this.#bestBps = 0;
    this.#lastBestBps = 0;
    this.#latestBps = 0;
    this.#peakBps = 0;
    this.#lastPeakBps = 0;
  }

  add(nowMs: number, bytes: number): void {
    this.#bytes += bytes;
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs < METER_MS) return;
    this.#latestBps = (this.#bytes * 8000) / elapsedMs;
    this.#sinceMs = nowMs;
    this.#bytes = 0;
    if (nowMs - this.#periodStartMs >= PEAK_PERIOD_MS) {
      this.#periodStartMs = nowMs;
      this.#lastPeakBps = this.#peakBps;
      this.#peakBps = 0;
    }
    this.#peakBps = Math.max(this.#peakBps, this.#latestBps);
    if (nowMs - this.#bestStartMs >= BEST_PERIOD_MS) {
      this.#bestStartMs = nowMs;
      this.#lastBestBps = this.#bestBps;
      this.#bestBps = 0;
    }
    this.#bestBps = Math.max(this.#bestBps, this.#latestBps);
  }
}
