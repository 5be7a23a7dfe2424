import type { Random } from '../core/index.ts';

const FIRST_MS = 100;
const MOST_MS = 2000;

/**
 * How long to wait before connecting again, milliseconds: doubling from 0.1 s to 2 s, each between half of it and one and a half of it, so that
 * a thousand that lost the same peer do not come back in the same instant.
 *
 * @param failures how many attempts have failed in a row, from 0
 */
export function backOffMs(failures: number, random: Random): number {
  const middle = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return middle * (0.5 + random.next());
}
