/** Counts what happened in the last `windowMs`, in slots of a twentieth of it. Bounded, and allocates nothing after it was made. */
export class RecentCount {
  readonly #slotMs: number;
  readonly #counts: Float64Array;
  /** The newest slot that was written, in slots since the clock's origin. */
  #newest = Number.NEGATIVE_INFINITY;

  constructor(windowMs: number, slots = 20) {
    this.#slotMs = windowMs / slots;
    this.#counts = new Float64Array(slots);
  }

  add(nowMs: number, count = 1): void {
    this.#advance(nowMs);
    const at = this.#newest % this.#counts.length;
    this.#counts[at] = (this.#counts[at] ?? 0) + count;
  }

  /**
   * How many a second.
   * @param sinceMs since when it was counted at all, in milliseconds of the same clock: what began late is not thought slow
   */
  perSecond(nowMs: number, sinceMs: number): number {
    this.#advance(nowMs);
    const beginsMs = (this.#newest - this.#counts.length + 1) * this.#slotMs;
    const spanMs = Math.max(nowMs - Math.max(beginsMs, sinceMs), this.#slotMs);
    return (this.#counts.reduce((sum, one) => sum + one, 0) / spanMs) * 1000;
  }

  /** Empties the slots that have left the window. */
  #advance(nowMs: number): void {
    const slot = Math.floor(nowMs / this.#slotMs);
    if (slot <= this.#newest) return;
    const from = Math.max(this.#newest + 1, slot - this.#counts.length + 1);
    for (let one = from; one <= slot; one += 1) this.#counts[one % this.#counts.length] = 0;
    this.#newest = slot;
  }
}

/** Keeps the newest values of the last `windowMs`, `capacity` of them at most, and says their quantiles exactly. */
export class RecentValues {
  readonly #windowMs: number;
  readonly #values: Float64Array;
  readonly #timesMs: Float64Array;
  #added = 0;

  constructor(windowMs: number, capacity = 1024) {
    this.#windowMs = windowMs;
    this.#values = new Float64Array(capacity);
    this.#timesMs = new Float64Array(capacity);
  }

  add(nowMs: number, value: number): void {
    const at = this.#added % this.#values.length;
    this.#values[at] = value;
    this.#timesMs[at] = nowMs;
    this.#added += 1;
  }

  /** The smallest value that the share `quantile` (0 to 1) of the values does not exceed; undefined when there is none. */
  quantiles(nowMs: number, quantiles: readonly number[]): (number | undefined)[] {
    const kept = Math.min(this.#added, this.#values.length);
    const inside = this.#values
      .subarray(0, kept)
      .filter((_, at) => (this.#timesMs[at] ?? 0) > nowMs - this.#windowMs)
      .sort();
    return quantiles.map((one) => inside[Math.max(0, Math.ceil(one * inside.length) - 1)]);
  }
}
