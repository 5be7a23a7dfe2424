/** A probe looks this part of the window further. */
const SPAN = 8;

/** A window between its bounds, and how often it was changed. */
export class WindowSize {
  #cap: number;
  #floor = 1;
  #size = 1;
  #grown = 0;
  #shrunk = 0;

  constructor(cap: number) {
    this.#cap = cap;
  }

  get size(): number {
    return this.#size;
  }

  get floor(): number {
    return this.#floor;
  }

  get cap(): number {
    return this.#cap;
  }

  get grown(): number {
    return this.#grown;
  }

  get shrunk(): number {
    return this.#shrunk;
  }

  /** By how much a probe differs from it. */
  get span(): number {
    return Math.max(1, Math.round(this.#size / SPAN));
  }

  /** @returns whether the bounds are other ones now */
  bound(floor: number, cap: number): boolean {
    const least = Math.min(floor, cap);
    if (least === this.#floor && cap === this.#cap) return false;
    this.#floor = least;
    this.#cap = cap;
    return true;
  }

  /** Sets the window as near as the bounds allow. @returns whether it is another one now */
  set(size: number): boolean {
    const next = Math.max(this.#floor, Math.min(this.#cap, size));
    if (next === this.#size) return false;
    if (next > this.#size) this.#grown += 1;
    else this.#shrunk += 1;
    this.#size = next;
    return true;
  }
}
