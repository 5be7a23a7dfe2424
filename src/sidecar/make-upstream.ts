import type net from 'node:net';
import type { Address, SidecarConfig, UpstreamConfig } from '../config/index.ts';
import type { PolicyRoute, Random } from '../core/index.ts';
import {
  applyProfile,
  type ConnectionProfile,
  connectWithProfile,
  type Transport,
} from '../transport/index.ts';
import { ActiveChecks, Outliers } from './health/index.ts';
import type { TimerWheel } from './io/index.ts';
import type { DataPathLimits } from './limits.ts';
import { type LinkCounters, LinkPeer, LinkPool } from './link/index.ts';
import { ConnectionPool, Endpoint, Upstream, type UpstreamOptions } from './pools/index.ts';
import type { BrokerRoute } from './stages/index.ts';
import type { SideCounters } from './statistics/index.ts';
import { balancingOf, checkOf, checkSettings, outlierSettings, slowStartOf } from './upstream-settings.ts';

/** What all upstreams of a sidecar share. */
export interface UpstreamContext {
  readonly config: SidecarConfig;
  readonly wheel: TimerWheel;
  readonly limits: DataPathLimits;
  readonly transport: Transport;
  readonly random: Random;
  /** What links to other sidecars count; absent where none are opened. */
  readonly links?: LinkCounters;
  /** Told once for each time that it was asked how connections to a host are opened, when no more are. */
  readonly noMoreTowards?: (host: string) => void;
}

/**
 * An upstream with a pool for each class and endpoint. Classes whose connections are alike in everything share a pool:
 * where transport and mark are off, a sidecar is as blind to classes as one that knows none.
 * @param profilesTowards how connections to a host are opened, by class; what stands in the list may change
 */
export function makeUpstream(
  shared: UpstreamContext,
  name: string,
  upstream: UpstreamConfig,
  counters: SideCounters,
  profilesTowards: (host: string) => readonly ConnectionProfile[],
): Upstream {
  const { config, wheel, limits, transport } = shared;
  const random = shared.random.child(`balancer/${name}`);
  const links = upstream.link === 'off' ? undefined : shared.links;
  const poolTo = (address: Address, peer: LinkPeer, profileNow: () => ConnectionProfile): ConnectionPool => {
    const { connectTimeoutMs, idleTimeoutMs } = limits;
    const connect = (onread: net.OnReadOpts) =>
      connectWithProfile(address, profileNow(), { transport, onread });
    return new ConnectionPool({
      wheel,
      maxPoolConnections: limits.maxPoolConnections,
      maxIdleConnections: limits.maxIdleConnections,
      maxPendingRequests: limits.maxPendingRequests,
      connectTimeoutMs,
      idleTimeoutMs,
      connect,
      hit: (limit) => counters.hit(limit),
      ...(links === undefined
        ? {}
        : {
            streams: new LinkPool({
              peer,
              counters: links,
              wheel,
              host: hostLabel(address),
              connectTimeoutMs,
              idleTimeoutMs,
              connect,
              refresh: (socket) => applyProfile(socket, profileNow(), transport),
            }),
          }),
    });
  };
  const profilesOf = new Map<string, readonly ConnectionProfile[]>();
  const poolsTo = (address: Address): readonly ConnectionPool[] => {
    const byProfile = new Map<ConnectionProfile, ConnectionPool>();
    const profiles = profilesTowards(address.host);
    profilesOf.set(hostLabel(address), profiles);
    const peer = new LinkPeer();
    return config.policy.classes.map((_, classIndex) => {
      const profile = profiles[classIndex] ?? {};
      const pool = byProfile.get(profile) ?? poolTo(address, peer, () => profiles[classIndex] ?? profile);
      byProfile.set(profile, pool);
      return pool;
    });
  };
  const outliers = new Outliers(outlierSettings(upstream, limits), wheel);
  const checks = activeChecks(shared, name, upstream, (address) => profilesOf.get(hostLabel(address)) ?? []);
  const balancing = balancingOf(upstream);
  const slowStart = slowStartOf(upstream);
  const timed = balancing.kind.timed || upstream.outliers?.latency !== undefined;
  const options: UpstreamOptions = {
    name,
    balancing,
    timed,
    panicShare: (upstream.panicThresholdPercent ?? 0) / 100,
    own: upstream.localityAware === true ? config.locality : undefined,
    random,
    make: (address) =>
      new Endpoint({
        address,
        wheel,
        pools: poolsTo(address),
        classCount: config.policy.classes.length,
        timed: balancing.kind.timed,
        slowStart: balancing.kind.hashes ? undefined : slowStart,
      }),
    joined: (endpoint) => {
      outliers.joined(endpoint);
      checks?.joined(endpoint);
    },
    left: (endpoint) => {
      outliers.left(endpoint);
      checks?.left(endpoint);
      profilesOf.delete(hostLabel(endpoint));
      shared.noMoreTowards?.(endpoint.host);
    },
    statistics: () => ({
      ejected: outliers.ejected,
      ejections: { ...outliers.counts },
      ...(checks === undefined ? {} : { healthChecks: { ...checks.counts } }),
    }),
  };
  return new Upstream(options, upstream.endpoints ?? []);
}

/** An address as it stands in Host. */
function hostLabel({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The checks of an upstream that is to be checked: in the least important class, where none is named. */
function activeChecks(
  { config, wheel, transport, random }: UpstreamContext,
  name: string,
  { healthCheck }: UpstreamConfig,
  profilesOf: (address: Address) => readonly ConnectionProfile[],
): ActiveChecks | undefined {
  if (healthCheck === undefined) return undefined;
  const { classes } = config.policy;
  const named = classes.findIndex((one) => one.name === healthCheck.class);
  const classIndex = named < 0 ? classes.length - 1 : named;
  const dial = (address: Address) =>
    connectWithProfile(address, profilesOf(address)[classIndex] ?? {}, { transport });
  const check = checkOf(healthCheck, name, classes[classIndex]?.name ?? '', dial);
  return new ActiveChecks(checkSettings(healthCheck), check, wheel, random.child(`checks/${name}`));
}

/** More connections to a gateway than requests that it lets wait, so that it is the gateway that decides who must go. */
const GATEWAY_SPARE_CONNECTIONS = 64;

/** The gateways of some routes, as upstreams: one for each queue. */
export function gatewayRoutes(
  shared: UpstreamContext,
  routes: readonly PolicyRoute[],
  requestReply: { gatewayPort(queue: string): number | undefined } | undefined,
  counters: SideCounters,
  profiles: readonly ConnectionProfile[],
): readonly BrokerRoute[] {
  const limits = {
    ...shared.limits,
    maxPoolConnections: shared.limits.maxOutstandingRequests + GATEWAY_SPARE_CONNECTIONS,
  };
  const gateways = new Map<string, Upstream>();
  return routes.flatMap((route) => {
    const port = requestReply?.gatewayPort(route.queue);
    if (port === undefined) return [];
    const address = { host: '127.0.0.1', port };
    const gateway =
      gateways.get(route.queue) ??
      makeUpstream(
        { ...shared, limits },
        `queue ${route.queue}`,
        { endpoints: [address] },
        counters,
        () => profiles,
      );
    gateways.set(route.queue, gateway);
    return [{ route, gateway }];
  });
}
