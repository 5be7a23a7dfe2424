import type { Address, SidecarConfig } from '../config/index.ts';
import type { PolicyRoute } from '../core/index.ts';

/** The routes `via: amqp` that concern one sidecar. */
export interface QueuedRoutes {
  /** Of requests that enter the mesh here, for the service beside it. */
  readonly inbound: readonly PolicyRoute[];
  /** Of calls that the service makes. */
  readonly outbound: readonly PolicyRoute[];
  /** The queues that the service takes requests from. */
  readonly workerQueues: readonly string[];
}

const NONE: QueuedRoutes = { inbound: [], outbound: [], workerQueues: [] };

/**
 * Which requests go through queues: none without a broker or with the layer `broker` off. What a sidecar has taken from a queue is never
 * put into one again, and neither is what another sidecar has sent to this one over a connection.
 */
export function queuedRoutes({
  service,
  policy,
  layers,
  broker,
  inbound,
  outbound,
}: SidecarConfig): QueuedRoutes {
  if (broker === undefined || !layers.includes('broker')) return NONE;
  const own = policy.routes.filter((route) => route.service === service);
  return {
    inbound: inbound?.ingress === true ? own : [],
    outbound: outbound === undefined ? [] : policy.routes,
    workerQueues: inbound === undefined ? [] : queuesOf(own),
  };
}

/** The queues of some routes, each once. */
export function queuesOf(routes: readonly PolicyRoute[]): readonly string[] {
  return [...new Set(routes.map(({ queue }) => queue))];
}

/** Where a listener of this machine is reached from the machine itself. */
export function reachedLocally({ host }: Address): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return /^[0:]+$/.test(host) ? '::1' : host;
}
