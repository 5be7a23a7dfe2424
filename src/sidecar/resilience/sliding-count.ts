/** Parts of a window: what is counted is forgotten a part at a time. */
const PARTS = 10;

/** Counts things over the last `windowMs`, to a tenth of it. Time is handed in and only goes on. */
export class SlidingCount {
  readonly #counts = new Float64Array(PARTS);
  readonly #partMs: number;
  #part = 0;
  #sum = 0;

  constructor(windowMs: number) {
    this.#partMs = windowMs / PARTS;
  }

  add(amount: number, nowMs: number): void {
    this.#turn(nowMs);
    const index = this.#part % PARTS;
    this.#counts[index] = (this.#counts[index] as number) + amount;
    this.#sum += amount;
  }

  sum(nowMs: number): number {
    this.#turn(nowMs);
    return this.#sum;
  }

  /** Forgets all. */
  clear(): void {
    this.#counts.fill(0);
    this.#sum = 0;
  }

  #turn(nowMs: number): void {
    const part = Math.floor(nowMs / this.#partMs);
    if (part <= this.#part) return;
    if (part - this.#part >= PARTS) {
      this.clear();
    } else {
      for (let passed = this.#part + 1; passed <= part; passed += 1) {
        this.#sum -= this.#counts[passed % PARTS] as number;
        this.#counts[passed % PARTS] = 0;
      }
    }
    this.#part = part;
  }
}
