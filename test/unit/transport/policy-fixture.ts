import type { Policy, RequestClass } from '../../../src/core/index.ts';
import { QUIET_NETWORK } from '../../support/network-settings.ts';

function row(name: string, rank: number, own: Partial<RequestClass>): RequestClass {
  return {
    name,
    rank,
    slo: { latencyQuantile: 0.99 },
    queue: { deadlineMs: 1000, weight: 1, maxSharePercent: 100 },
    broker: { priority: 1 },
    transport: { congestionControl: ['cubic'] },
    mark: { dscp: 0, dscpName: 'CS0' },
    kernel: { sharePercent: 10, mayBorrow: true },
    network: { path: 'default', moveOrder: 0, alternateDscp: [] },
    ...own,
  };
}

export const SCAVENGER = { targetDelayMs: 10, minRateBps: 250_000 };

/** Three classes: interactive (bbr, EF), default (cubic, CS0), batch (a wish that no kernel grants, scavenger, LE). */
export const POLICY: Policy = {
  schema: 'priomesh/policy/v1',
  name: 'test',
  classes: [
    row('interactive', 0, {
      transport: { congestionControl: ['bbr', 'cubic'] },
      mark: { dscp: 46, dscpName: 'EF' },
    }),
    row('default', 3, {}),
    row('batch', 5, {
      transport: { congestionControl: ['ledbat', 'reno'], scavenger: SCAVENGER },
      mark: { dscp: 1, dscpName: 'LE' },
    }),
  ],
  queue: { mode: 'strict', concurrency: 8, capacity: 512, starvationMs: 5000 },
  broker: { maxPriority: 9, prefetch: 'governed', maxPrefetch: 64, starvationMs: 5000 },
  network: QUIET_NETWORK,
  routes: [],
  ingress: { defaultClass: 'batch', rules: [], trustedNetworks: [] },
};
