/** An average forgets by this time constant. */
const DECAY_MS = 10_000;

/**
 * The latency of an endpoint, sensitive to peaks: a slower answer than expected counts at once and whole, faster ones win their way back
 * slowly. Weighted by time and not by count (Finagle's `PeakEwma`), so that what is not asked is forgotten and gets its chance again.
 */
export class PeakEwma {
  #valueMs = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  observe(latencyMs: number, nowMs: number): void {
    const expectedMs = this.at(nowMs);
    if (latencyMs > expectedMs) this.#valueMs = latencyMs;
    else {
      const kept = this.#kept(nowMs);
      this.#valueMs = this.#valueMs * kept + latencyMs * (1 - kept);
    }
    this.#atMs = nowMs;
  }

  /** What is expected now; 0 where nothing is known. */
  at(nowMs: number): number {
    return this.#valueMs === 0 ? 0 : this.#valueMs * this.#kept(nowMs);
  }

  #kept(nowMs: number): number {
    return nowMs <= this.#atMs ? 1 : Math.exp((this.#atMs - nowMs) / DECAY_MS);
  }
}
