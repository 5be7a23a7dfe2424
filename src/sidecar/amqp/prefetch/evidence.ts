import type { ResidenceStats } from './residence-stats.ts';

/** Above this coefficient of variation workers overtake each other so often that never seeing it is evidence. */
const VARIED = 0.7;
/** So many samples for each message of the window, and no overtaking among them, are evidence. */
const OVERTAKING_SAMPLES = 12;

/** How many messages more wait inside the client, with the standard error. */
export interface Waiting {
  readonly messages: number;
  readonly error: number;
}

/**
 * Little's law (Little, "A proof for the queuing formula L = λW", 1961): what stays so many milliseconds longer, at this rate, is so many
 * messages more that are there; and as the services are the same, they wait. It is the quantity that TCP Vegas steers by (Brakmo and
 * Peterson, "TCP Vegas: end to end congestion avoidance on a global Internet", 1995).
 *
 * @param window the client's window while `longer` was seen
 * @param cleanMs mean residence without waiting, as far as is known
 */
export function moreWaiting(
  longer: ResidenceStats,
  base: ResidenceStats,
  window: number,
  cleanMs: number,
): Waiting {
  const difference = longer.longerThan(base);
  const mean = longer.meanMs;
  if (difference === undefined || mean <= 0) return { messages: 0, error: 0 };
  const rate = Math.min(window, longer.meanHeld) / mean;
  // Deliveries that wait, wait behind the same ones: so many of them tell as much as one.
  const waiting = Math.max(0, 1 - cleanMs / mean);
  const alike = Math.sqrt(1 + (window - 1) * waiting);
  return { messages: rate * difference.ms, error: rate * difference.errorMs * alike };
}

/**
 * Whether a client that starts messages in order would have shown by now that it works on `window` at once: where services vary much, one
 * that was started last is finished first every now and then.
 *
 * @param variation coefficient of variation of the services, as far as is known
 */
export function neverOvertook(stats: ResidenceStats, window: number, variation: number): boolean {
  const varied = Math.max(stats.variation, variation) >= VARIED;
  return varied && stats.inService < window && stats.count >= OVERTAKING_SAMPLES * window;
}
