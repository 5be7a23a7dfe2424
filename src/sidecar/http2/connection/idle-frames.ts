import { H2_LIMITS } from '../limits.ts';

/**
 * Counts what costs us work and brings no request forward. A peer has some of it to spare, and gets more with time; who uses it up attacks or is
 * broken (rapid reset, CVE-2023-44487; floods of PING, SETTINGS, PRIORITY and empty frames, CVE-2019-9512 to 9518).
 */
export class IdleFrames {
  #left: number = H2_LIMITS.idleFrames;
  #atMs = -1;

  /** @returns whether that was one too many */
  spend(nowMs: number): boolean {
    this.#left -= 1;
    if (this.#left >= 0) return false;
    if (this.#atMs < 0) {
      this.#atMs = nowMs;
      return true;
    }
    const earned = Math.floor(((nowMs - this.#atMs) / 1000) * H2_LIMITS.idleFramesPerSecond);
    this.#atMs = nowMs;
    this.#left = Math.min(H2_LIMITS.idleFrames, earned) - 1;
    return this.#left < 0;
  }
}
