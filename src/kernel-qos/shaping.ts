/** An Ethernet frame as HTB counts it: an MTU of 1500 octets and 14 of header. Frame check sequence and preamble are not counted. */
export const FRAME_BYTES = 1514;

/**
 * How long a shaper may send ahead of its clock. The kernel wakes a shaper by a high-resolution timer whose lateness on
 * a busy machine stays well below this, so that the rate is reached; and no burst delays anybody for longer than this.
 */
const BURST_MS = 1;

/** A class sends at least this much a turn among its equals, and at most what tc-htb(8) holds for sane (the kernel warns above 200,000). */
const QUANTUM_BYTES_MAX = 60_000;

/** The lowest rate that a class is given, bits per second: one full frame every 1.5 s. */
const RATE_BPS_MIN = 8_000;

const bytesPerMs = (rateBps: number): number => Math.ceil(rateBps / 8 / 1000);

/** Bucket of a token bucket of a rate: `max(2 frames, rate x 1 ms)`. Two frames, because HTB needs one in hand while it sends the other. */
export function burstBytes(rateBps: number): number {
  return Math.max(2 * FRAME_BYTES, bytesPerMs(rateBps) * BURST_MS);
}

/** How much a class sends in its turn among classes of the same priority: `rate x 1 ms`, held between one frame and 60,000. */
export function quantumBytes(rateBps: number): number {
  return Math.min(QUANTUM_BYTES_MAX, Math.max(FRAME_BYTES, bytesPerMs(rateBps)));
}

/** A percentage of a rate, in whole octets per second (tc keeps octets), never below {@link RATE_BPS_MIN} nor above the rate. */
export function shareBps(rateBps: number, percent: number): number {
  const share = Math.floor((rateBps * percent) / 100 / 8) * 8;
  return Math.min(rateBps, Math.max(RATE_BPS_MIN, share));
}

/**
 * Parameters of CoDel (RFC 8289) at a rate: the target is 5 ms, or 1.5 times what one frame takes where that is longer;
 * the interval is 100 ms, or ten times the target where that is longer.
 */
export function codelTimes(rateBps: number): { readonly targetUs: number; readonly intervalUs: number } {
  const frameUs = (FRAME_BYTES * 8 * 1e6) / rateBps;
  const targetUs = Math.max(5_000, Math.ceil(1.5 * frameUs));
  return { targetUs, intervalUs: Math.max(100_000, 10 * targetUs) };
}
