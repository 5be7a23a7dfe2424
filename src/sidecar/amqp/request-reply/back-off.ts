import type { Random } from '../../../core/index.ts';

/** How long to wait before trying again: the first wait, and the longest. */
export interface BackOff {
  readonly firstMs: number;
  readonly mostMs: number;
}

/**
 * Exponential back-off with full jitter over the upper half ("equal jitter"; Brooker, "Exponential Backoff And Jitter", 2015), so that
 * those who lost the same broker do not come back at the same moment.
 * @param attempt 0 for the first
 */
export function backOffMs({ firstMs, mostMs }: BackOff, attempt: number, random: Random): number {
  const wholeMs = Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 30));
  return wholeMs / 2 + (random.next() * wholeMs) / 2;
}
