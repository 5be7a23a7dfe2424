/**
 * The smallest delay seen over the last minutes: what is left when the queue is empty. Kept as one minimum per minute, so
 * that an old route is forgotten after {@link HISTORY_MINUTES} (RFC 6817, section 2.4.2 and appendix: BASE_HISTORY).
 */
export class BaseDelay {
  readonly #minima = new Float64Array(HISTORY_MINUTES).fill(Number.POSITIVE_INFINITY);
  #minute = Number.NEGATIVE_INFINITY;
  #least = Number.POSITIVE_INFINITY;

  /** Microseconds; Infinity before the first observation. */
  get us(): number {
    return this.#least;
  }

  /** Takes a delay into account that was seen at `nowMs`. */
  observe(nowMs: number, delayUs: number): void {
    const minute = Math.floor(nowMs / 60_000);
    if (minute !== this.#minute) this.#turn(minute);
    const slot = minute % HISTORY_MINUTES;
    if (delayUs < (this.#minima[slot] ?? 0)) this.#minima[slot] = delayUs;
    if (delayUs < this.#least) this.#least = delayUs;
  }

  #turn(minute: number): void {
    const passed = Math.min(minute - this.#minute, HISTORY_MINUTES);
    for (let back = 0; back < passed; back += 1) {
      this.#minima[(minute - back) % HISTORY_MINUTES] = Number.POSITIVE_INFINITY;
    }
    this.#minute = minute;
    this.#least = Math.min(...this.#minima);
  }
}

/** BASE_HISTORY of RFC 6817, which recommends 10. */
export const HISTORY_MINUTES = 10;
