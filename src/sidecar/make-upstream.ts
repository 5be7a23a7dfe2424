import type net from 'node:net';
import type { Address, SidecarConfig } from '../config/index.ts';
import type { PolicyRoute, Random } from '../core/index.ts';
import { type ConnectionProfile, connectWithProfile, type Transport } from '../transport/index.ts';
import { BALANCERS } from './balancers/index.ts';
import type { TimerWheel } from './io/index.ts';
import type { DataPathLimits } from './limits.ts';
import { ConnectionPool, Endpoint, Upstream } from './pools/index.ts';
import type { BrokerRoute } from './stages/index.ts';
import type { SideCounters } from './statistics/index.ts';

/** What all upstreams of a sidecar share. */
export interface UpstreamContext {
  readonly config: SidecarConfig;
  readonly wheel: TimerWheel;
  readonly limits: DataPathLimits;
  readonly transport: Transport;
  readonly random: Random;
}

/**
 * An upstream with a pool for each class and endpoint. Classes whose connections are alike in everything share a pool:
 * where transport and mark are off, a sidecar is as blind to classes as one that knows none.
 * @param profilesTowards how connections to a host are opened, by class; what stands in the list may change
 */
export function makeUpstream(
  { config, wheel, limits, transport, random }: UpstreamContext,
  name: string,
  addresses: readonly Address[],
  counters: SideCounters,
  profilesTowards: (host: string) => readonly ConnectionProfile[],
): Upstream {
  const poolTo = (address: Address, profileNow: () => ConnectionProfile): ConnectionPool =>
    new ConnectionPool({
      wheel,
      maxPoolConnections: limits.maxPoolConnections,
      maxIdleConnections: limits.maxIdleConnections,
      maxPendingRequests: limits.maxPendingRequests,
      connectTimeoutMs: limits.connectTimeoutMs,
      idleTimeoutMs: limits.idleTimeoutMs,
      connect: (onread: net.OnReadOpts) => connectWithProfile(address, profileNow(), { transport, onread }),
      hit: (limit) => counters.hit(limit),
    });
  const endpoints = addresses.map((address) => {
    const byProfile = new Map<ConnectionProfile, ConnectionPool>();
    const profiles = profilesTowards(address.host);
    return new Endpoint({
      host: address.host,
      port: address.port,
      wheel,
      breakerFailures: limits.breakerFailures,
      breakerOpenMs: limits.breakerOpenMs,
      pools: config.policy.classes.map((_, classIndex) => {
        const profile = profiles[classIndex] ?? {};
        const pool = byProfile.get(profile) ?? poolTo(address, () => profiles[classIndex] ?? profile);
        byProfile.set(profile, pool);
        return pool;
      }),
    });
  });
  return new Upstream(name, endpoints, BALANCERS[0].create(random.child(`balancer/${name}`)));
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
      makeUpstream({ ...shared, limits }, `queue ${route.queue}`, [address], counters, () => profiles);
    gateways.set(route.queue, gateway);
    return [{ route, gateway }];
  });
}
