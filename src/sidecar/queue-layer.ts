import type { Layer, LayerPlan, Platform, Policy, Site } from '../core/index.ts';

const ORDERS = { strict: 'by rank', weighted: 'by weight', fifo: 'first come first served' } as const;
const SHEDDING = {
  priority: 'the least important turned away first',
  fifo: 'turned away without regard to class',
  none: 'nobody turned away before it is full',
} as const;

function plan(policy: Policy, _platform: Platform, site: Site): LayerPlan {
  const { mode, concurrency, capacity, starvationMs, shedding = 'priority', targetDelayMs } = policy.queue;
  const limit =
    typeof concurrency === 'number'
      ? `${concurrency}`
      : `${concurrency.min} to ${concurrency.max} (${concurrency.adaptive}, from ${concurrency.initial})`;
  const rows = policy.classes.map((one) => {
    const { deadlineMs, weight, maxSharePercent } = one.queue;
    const turn = { strict: `rank ${one.rank}`, weighted: `weight ${weight}`, fifo: 'in turn' }[mode];
    const most =
      typeof concurrency === 'number'
        ? `${Math.max(1, Math.floor((concurrency * maxSharePercent) / 100))} of ${concurrency}`
        : `${maxSharePercent} %`;
    return `${one.name}: ${turn}, at most ${most} at once, given up after ${deadlineMs} ms`;
  });
  const target = targetDelayMs === undefined ? '' : `, from a delay of ${targetDelayMs} ms on`;
  return {
    layer: 'queue',
    served: true,
    summary: `request queue in front of each application: ${ORDERS[mode]}, ${SHEDDING[shedding]}${target}; off, it is first come first served with the same limits`,
    steps: site.sidecarNodes.map((node) => ({
      where: node,
      what: `sidecar admits ${limit} requests at once, holds ${capacity}; ${rows.join('; ')}; who has waited ${starvationMs} ms goes first`,
    })),
    limitations: [],
  };
}

/** The column `queue`: every sidecar orders the requests for its application by class. The sidecars do it by themselves. */
export const queueLayer: Layer = {
  name: 'queue',
  plan,
  apply: async () => async () => {},
};
