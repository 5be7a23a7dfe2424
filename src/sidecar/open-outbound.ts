import { applyListenerProfile } from '../transport/index.ts';
import type { RequestReply } from './amqp/request-reply/index.ts';
import type { Side } from './exchange.ts';
import { LinkCounters } from './link/index.ts';
import { Listener } from './listener.ts';
import { gatewayRoutes, makeUpstream } from './make-upstream.ts';
import { outboundStack } from './outbound-stack.ts';
import type { Upstream } from './pools/index.ts';
import type { Runtime } from './runtime.ts';
import { SideCounters } from './statistics/index.ts';

/** The way out, open. */
export interface OutboundPart {
  readonly listener: Listener;
  /** Other services. */
  readonly called: readonly Upstream[];
  /** These, and the gateways to queues. */
  readonly upstreams: readonly Upstream[];
}

/** Opens the way out. @throws PriomeshError LISTEN_FAILED when a port is taken */
export async function openOutbound(
  runtime: Runtime,
  requestReply: RequestReply | undefined,
): Promise<OutboundPart | undefined> {
  const { config, queued, wheel, limits, random, transport, baseline, baselines, network } = runtime;
  if (config.outbound === undefined) return undefined;
  const { policy } = config;
  const counters = new SideCounters(policy);
  const shared = { config, wheel, limits, transport, random };
  const links = new LinkCounters();
  runtime.reporter.addSection('links', () => links.statistics());
  const opening = network?.opening ?? (() => runtime.profiles);
  const towards = network === undefined ? {} : { noMoreTowards: network.opened };
  const routes = new Map(
    Object.entries(config.outbound.upstreams).map(([name, upstream]) => [
      name.toLowerCase(),
      makeUpstream({ ...shared, ...towards, links }, name, upstream, counters, opening),
    ]),
  );
  const called = [...routes.values()];
  runtime.reporter.addSection('upstreams', () =>
    Object.fromEntries(called.map((upstream) => [upstream.name, upstream.statistics()])),
  );
  const brokerRoutes = gatewayRoutes(shared, queued.outbound, requestReply, counters, baselines);
  const side: Side = {
    name: 'outbound',
    ...runtime.sideBasics(),
    ...outboundStack({
      policy,
      propagation: runtime.propagation,
      resolver: runtime.resolver(),
      upstreams: routes,
      brokerRoutes,
      tap: runtime.tap,
    }),
    counters,
  };
  const live = { current: side };
  const listener = await Listener.open(live, config.outbound.listen);
  applyListenerProfile(listener.server, baseline, transport);
  runtime.reporter.add({ live, listener, upstreams: called, queue: undefined });
  return { listener, called, upstreams: [...called, ...brokerRoutes.map(({ gateway }) => gateway)] };
}
