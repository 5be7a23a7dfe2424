import { Histogram } from '../../core/index.ts';

const WINDOW_MS = 10_000;
/** With fewer answers nothing is known. */
const LEAST = 20;
const US_PER_MS = 1000;

/** How long answers took lately: those of this window and of the one before. */
export class LatencyWindow {
  #current = new Histogram();
  #before = new Histogram();
  #startMs = 0;

  record(latencyMs: number, nowMs: number): void {
    this.#turn(nowMs);
    this.#current.record(latencyMs * US_PER_MS);
  }

  /** The time within which this share of the answers came; Infinity while too few are known. */
  quantileMs(quantile: number, nowMs: number): number {
    this.#turn(nowMs);
    const known = this.#before.count >= LEAST ? this.#before : this.#current;
    return known.count < LEAST ? Number.POSITIVE_INFINITY : known.quantile(quantile) / US_PER_MS;
  }

  #turn(nowMs: number): void {
    if (nowMs - this.#startMs < WINDOW_MS) return;
    const fresh = nowMs - this.#startMs < 2 * WINDOW_MS;
    const reused = this.#before;
    this.#before = this.#current;
    this.#current = reused;
    reused.reset();
    if (!fresh) this.#before.reset();
    this.#startMs = nowMs;
  }
}
