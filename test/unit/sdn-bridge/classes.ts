import type { RequestClass } from '../../../src/core/index.ts';

function requestClass(name: string, rank: number, dscp: number, sharePercent: number): RequestClass {
  return {
    name,
    rank,
    slo: { latencyQuantile: 0.99 },
    queue: { deadlineMs: 1000, weight: 1, maxSharePercent: 100 },
    broker: { priority: 1 },
    transport: { congestionControl: [] },
    mark: { dscp, dscpName: String(dscp) },
    kernel: { sharePercent, mayBorrow: true },
    network: { path: 'default', moveOrder: 9 - rank, alternateDscp: [dscp + 1] },
  };
}

/** Interactive is guaranteed 90 % of a link, batch 10 %. */
export const CLASSES: readonly RequestClass[] = [
  requestClass('interactive', 0, 46, 90),
  requestClass('batch', 5, 2, 10),
];

export const HINTS = { intervalMs: 20, ttlMs: 900, smoothingMs: 40, targetDelayMs: 20 } as const;
