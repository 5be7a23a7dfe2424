import type {
  ClassCongestion,
  DampingSettings,
  Hint,
  NetworkPath,
  RequestClass,
} from '../../../src/core/index.ts';

export const DAMPING: DampingSettings = {
  congestedLevel: 0.7,
  calmLevel: 0.3,
  minGain: 0.2,
  minHoldMs: 1000,
  escalateMs: 300,
  returnAfterMs: 5000,
  penaltyHalfLifeMs: 30_000,
  maxPenalty: 3,
};

/** Index 0 `interactive` leaves second and stays; index 1 `batch` leaves first and returns. */
export const CLASSES: readonly RequestClass[] = [
  requestClass('interactive', 0, { path: 'least-congested', moveOrder: 1, alternateDscp: [47] }),
  requestClass('batch', 1, { path: 'default', moveOrder: 0, alternateDscp: [3] }),
];

export const [INTERACTIVE, BATCH] = [0, 1];

export function requestClass(name: string, rank: number, network: RequestClass['network']): RequestClass {
  return {
    name,
    rank,
    slo: { latencyQuantile: 0.99 },
    queue: { deadlineMs: 1000, weight: 1, maxSharePercent: 100 },
    broker: { priority: 1 },
    transport: { congestionControl: [] },
    mark: { dscp: rank, dscpName: `${rank}` },
    kernel: { sharePercent: 10, mayBorrow: true },
    network,
  };
}

export const path = (id: string, links = [`${id}>there`, `${id}>back`]): NetworkPath => ({ id, links });

export const TWO_PATHS = [path('primary'), path('secondary')];

export const congestion = (level: number, utilization = 0): ClassCongestion => ({
  level,
  queueingDelayMs: 20 * level,
  utilization,
  lossRatio: 0,
});

let sequence = 0;

/** A hint that is newer than all before, with the same level for every class unless each has its own. */
export function hint(
  link: string,
  level: number | Readonly<Record<string, number>>,
  more: Partial<Hint> = {},
): Hint {
  const levels = typeof level === 'number' ? { interactive: level, batch: level } : level;
  sequence += 1;
  return {
    link,
    epoch: 1,
    sequence,
    ttlMs: 1000,
    down: false,
    classes: Object.fromEntries(Object.entries(levels).map(([name, one]) => [name, congestion(one)])),
    ...more,
  };
}
