const BITS_PER_BYTE = 8;
const MS_PER_S = 1000;

/**
 * Whether the sender of a body is too slow: a body that trickles in would otherwise hold its place in the request queue for as long as its
 * sender likes. Judged window by window; one in which reading paused for want of somebody to take the bytes is not the sender's.
 */
export class BodyPace {
  #sinceMs = 0;
  #bytes = 0;
  #heldUp = false;

  /** Starts a window. */
  begin(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#bytes = 0;
    this.#heldUp = false;
  }

  /** Bytes came in. */
  received(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Reading had to pause. */
  heldUp(): void {
    this.#heldUp = true;
  }

  /**
   * Judges the window when it is `windowMs` long, and starts the next one.
   * @param awaitedFromMs since when the body has had somebody to go to: time before that is nobody's fault
   * @param leastBps bits a second; 0 for any pace
   */
  tooSlow(nowMs: number, awaitedFromMs: number, windowMs: number, leastBps: number): boolean {
    const lengthMs = nowMs - Math.max(this.#sinceMs, awaitedFromMs);
    if (lengthMs < windowMs) return false;
    const slow = !this.#heldUp && this.#bytes * BITS_PER_BYTE * MS_PER_S < leastBps * lengthMs;
    this.begin(nowMs);
    return slow;
  }
}
