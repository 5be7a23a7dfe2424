import type { BottleneckPort, Platform, Policy, RequestClass } from '../../../src/core/index.ts';
import { QUIET_NETWORK } from '../../support/network-settings.ts';

/** A class of which only what the kernel and mark columns say matters here. */
export function requestClass(
  name: string,
  rank: number,
  dscp: number,
  sharePercent: number,
  mayBorrow = true,
): RequestClass {
  return {
    name,
    rank,
    slo: { latencyQuantile: 0.99 },
    queue: { deadlineMs: 1000, weight: 1, maxSharePercent: 100 },
    broker: { priority: Math.max(0, 9 - rank) },
    transport: { congestionControl: ['cubic'] },
    mark: { dscp, dscpName: String(dscp) },
    kernel: { sharePercent, mayBorrow },
    network: { path: 'default', moveOrder: rank, alternateDscp: [] },
  };
}

/** A policy of these classes; the last one is where the ingress puts what no rule matches. */
export function policyOf(...classes: readonly RequestClass[]): Policy {
  return {
    schema: 'priomesh/policy/v1',
    name: 'fixture',
    classes,
    queue: { mode: 'strict', concurrency: 8, capacity: 512, starvationMs: 5000 },
    broker: { maxPriority: 9, prefetch: 'governed', maxPrefetch: 64, starvationMs: 5000 },
    network: QUIET_NETWORK,
    routes: [],
    ingress: { defaultClass: classes.at(-1)?.name ?? '', rules: [], trustedNetworks: [] },
  };
}

/** DSCP EF (RFC 3246) and LE (RFC 8622). */
export const EF = 46;
export const LE = 1;

/** The case study's two classes. */
export const caseStudy = policyOf(requestClass('interactive', 0, EF, 95), requestClass('batch', 5, LE, 5));

/** A platform with these qdiscs and filters. */
export function platformOf(qdiscs: readonly string[], filters: readonly string[]): Platform {
  return {
    congestionControls: [],
    socketOptions: true,
    pacing: true,
    qdiscs,
    filters,
    trafficControl: true,
  };
}

/** The least that serves the column best: what a kernel without modules has. */
export const plainKernel = platformOf(['htb', 'tbf', 'pfifo', 'bfifo'], ['u32']);

/** A port of this rate. */
export function portOf(rateBps: number, device = 'eth0'): BottleneckPort {
  return { label: `port ${device}`, node: 'right1', device, rateBps, queuePackets: 100 };
}
