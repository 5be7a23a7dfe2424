import type { Layer, LayerPlan, Platform, Policy, Site } from '../core/index.ts';

function plan(policy: Policy, _platform: Platform, site: Site): LayerPlan {
  const { mode, concurrency, capacity, starvationMs } = policy.queue;
  const rows = policy.classes.map((one) => {
    const { deadlineMs, weight, maxSharePercent } = one.queue;
    const turn = mode === 'strict' ? `rank ${one.rank}` : `weight ${weight}`;
    const most = Math.max(1, Math.floor((concurrency * maxSharePercent) / 100));
    return `${one.name}: ${turn}, at most ${most} of ${concurrency} at once, given up after ${deadlineMs} ms`;
  });
  return {
    layer: 'queue',
    served: true,
    summary: `${mode} request queue by class in front of each application; off, it is first come first served with the same limits`,
    steps: site.sidecarNodes.map((node) => ({
      where: node,
      what: `sidecar admits ${concurrency} requests at once, holds ${capacity}; ${rows.join('; ')}; who has waited ${starvationMs} ms goes first`,
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
