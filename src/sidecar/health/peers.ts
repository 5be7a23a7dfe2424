import type { PeerRule } from './outliers.ts';

/** What an endpoint did in one interval. */
export interface Comparable {
  readonly requests: number;
  readonly successes: number;
  /** Requests whose latency is known, and the sum of these. */
  readonly timed: number;
  readonly latencySumMs: number;
}

function comparable<One extends Comparable>(
  all: readonly One[],
  { minEndpoints, minRequests }: PeerRule,
  count: (one: One) => number,
): readonly One[] {
  const enough = all.filter((one) => count(one) >= minRequests);
  return enough.length < minEndpoints ? [] : enough;
}

/** Those whose share of successes is more than so many standard deviations below the mean (as Envoy's `success_rate`). */
export function failuresBelowPeers<One extends Comparable>(
  all: readonly One[],
  rule: PeerRule & { readonly deviations: number },
): readonly One[] {
  const peers = comparable(all, rule, ({ requests }) => requests);
  const rateOf = ({ successes, requests }: Comparable): number => successes / requests;
  const mean = peers.reduce((sum, one) => sum + rateOf(one), 0) / peers.length;
  const variance = peers.reduce((sum, one) => sum + (rateOf(one) - mean) ** 2, 0) / peers.length;
  const least = mean - rule.deviations * Math.sqrt(variance);
  return peers.filter((one) => rateOf(one) < least);
}

/** Those whose mean latency is more than so many times the median of all means. */
export function slowerThanPeers<One extends Comparable>(
  all: readonly One[],
  rule: PeerRule & { readonly factor: number },
): readonly One[] {
  const peers = comparable(all, rule, ({ timed }) => timed);
  const meanOf = ({ latencySumMs, timed }: Comparable): number => latencySumMs / timed;
  const sorted = peers.map(meanOf).sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
  return peers.filter((one) => meanOf(one) > median * rule.factor);
}
