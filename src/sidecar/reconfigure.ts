import type { SidecarConfig } from '../config/index.ts';
import type { StartDiscovery } from './open-control.ts';
import { makeInbound } from './open-inbound.ts';
import { makeOutbound, type OutboundWay } from './open-outbound.ts';
import type { Opened } from './opened.ts';
import { refuseFixed } from './operation/fixed-keys.ts';
import type { Upstream } from './pools/index.ts';
import { serviceTraffic } from './resilience/index.ts';
import { nextRuntime, type Runtime } from './runtime.ts';
import type { SideCounters } from './statistics/index.ts';

/**
 * Puts another configuration in the place of the one that holds, in one step: requests under way end as they began, the next ones begin
 * under the new one. Listeners stay, and so do the connections to upstreams about which nothing was changed.
 * @throws PriomeshError CONFIG_FIXED when a key was changed that only a start can change; then nothing was changed at all
 */
export function reconfigure(opened: Opened, config: SidecarConfig, discover: StartDiscovery): void {
  const { runtime: before, inbound, outbound, broker } = opened;
  refuseFixed(before.config, config);
  const indexOf = indexesIn(config, before.classNames);
  const next = nextRuntime(before, config, indexOf);
  if (before.tap !== undefined) next.tapPoint = before.tap.forClasses(next.classNames);
  const requestReply = broker?.requestReply;
  const alike = connectionsOf(before) === connectionsOf(next);
  const inboundWay =
    inbound === undefined || config.inbound === undefined
      ? undefined
      : makeInbound(next, config.inbound, {
          requestReply,
          links: inbound.links,
          ownToken: inbound.internal?.ownToken ?? '',
          front: opened.tcp?.front ?? [],
          before: inbound.way,
          keepsApplication: alike && equal(before.config.inbound?.application, config.inbound.application),
        });
  const outboundWay =
    outbound === undefined || config.outbound === undefined
      ? undefined
      : makeOutbound(next, config.outbound, {
          requestReply,
          links: outbound.links,
          before: outbound.way,
          upstreams: alike ? stayingUpstreams(outbound.way, before.config, config) : new Map(),
        });

  // From here on nothing can fail.
  const retired: Upstream[] = [];
  const counters: SideCounters[] = [];
  if (inbound !== undefined && inboundWay !== undefined) {
    const old = inbound.way;
    inbound.live.current = inboundWay.side;
    if (inbound.internal !== undefined && inboundWay.internalSide !== undefined) {
      inbound.internal.live.current = inboundWay.internalSide;
    }
    inbound.way = inboundWay;
    if (old.admission !== inboundWay.admission) {
      for (const [index, percent] of opened.shares) inboundWay.admission.setShare(index, percent);
      old.admission.handOver(inboundWay.admission, indexOf);
    }
    counters.push(old.side.counters);
    if (old.internalSide !== undefined) counters.push(old.internalSide.counters);
    retired.push(...old.upstreams.filter((one) => !inboundWay.upstreams.includes(one)));
  }
  if (outbound !== undefined && outboundWay !== undefined) {
    const old = outbound.way;
    const fresh = outboundWay.called.filter((one) => !old.called.includes(one));
    for (const upstream of fresh) begin(upstream, old, config);
    outbound.live.current = outboundWay.side;
    outbound.way = outboundWay;
    counters.push(old.side.counters);
    retired.push(...old.upstreams.filter((one) => !outboundWay.upstreams.includes(one)));
    for (const [upstream, discovery] of discover(fresh)) opened.discoveries.set(upstream, discovery);
  }
  opened.runtime = next;
  next.reporter.follow({
    classNames: next.classNames,
    propagation: next.propagation.counters,
    provenanceTable: next.table.counters,
  });
  for (const upstream of retired) {
    void opened.discoveries.get(upstream)?.close();
    opened.discoveries.delete(upstream);
  }
  opened.former.retire(counters, () => {
    for (const upstream of retired) upstream.destroy();
  });
}

function equal(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** By class index before: the index of the class with that name, or of the default class where there is none any more. */
function indexesIn({ policy }: SidecarConfig, before: readonly string[]): readonly number[] {
  const indexOf = (name: string) => policy.classes.findIndex((one) => one.name === name);
  const fallback = Math.max(0, indexOf(policy.ingress.defaultClass));
  return before.map((name) => {
    const index = indexOf(name);
    return index < 0 ? fallback : index;
  });
}

/** All on which connections to upstreams depend, beside the upstream. */
function connectionsOf({ classNames, profiles, limits, config }: Runtime): string {
  return JSON.stringify([classNames, profiles, limits, config.locality]);
}

function stayingUpstreams(
  { called }: OutboundWay,
  before: SidecarConfig,
  now: SidecarConfig,
): ReadonlyMap<string, Upstream> {
  const unchanged = called.filter(
    ({ name }) =>
      equal(before.outbound?.upstreams[name], now.outbound?.upstreams[name]) &&
      equal(boundsOf(before, name), boundsOf(now, name)),
  );
  return new Map(unchanged.map((upstream) => [upstream.name, upstream]));
}

/** What a policy says of connections to a service. */
function boundsOf({ policy }: SidecarConfig, name: string): readonly unknown[] {
  const { connectMs, maxConnections } = serviceTraffic(policy, name);
  return [connectMs, maxConnections];
}

/** An upstream whose endpoints are still to be found begins with those that were known under its name. */
function begin(upstream: Upstream, { called }: OutboundWay, { outbound }: SidecarConfig): void {
  const known = called.find(({ name }) => name === upstream.name);
  if (known === undefined || outbound?.upstreams[upstream.name]?.discovery === undefined) return;
  upstream.set(
    known.endpoints.map(({ host, port, weight, locality, priority, draining }) => ({
      host,
      port,
      weight,
      priority,
      draining,
      ...(locality === undefined ? {} : { locality }),
    })),
  );
}
