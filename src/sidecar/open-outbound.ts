import { applyListenerProfile } from '../transport/index.ts';
import type { RequestReply } from './amqp/request-reply/index.ts';
import type { LiveSide, Side } from './exchange.ts';
import { LinkCounters } from './link/index.ts';
import { Listener } from './listener.ts';
import { gatewayRoutes, makeUpstream } from './make-upstream.ts';
import { outboundStack } from './outbound-stack.ts';
import type { Upstream } from './pools/index.ts';
import type { Runtime } from './runtime.ts';
import { SideCounters } from './statistics/index.ts';
import { calledLimits, outboundTraffic } from './traffic-stages.ts';

/** The way out as one configuration has it. */
export interface OutboundWay {
  readonly side: Side;
  /** Other services. */
  readonly called: readonly Upstream[];
  /** These, and the gateways to queues. */
  readonly upstreams: readonly Upstream[];
}

/** The way out, open. Another configuration replaces what stands in `way`. */
export interface OutboundPart {
  readonly listener: Listener;
  readonly live: LiveSide;
  readonly links: LinkCounters;
  way: OutboundWay;
}

/** What of the way out outlives a configuration. */
interface Kept {
  readonly requestReply: RequestReply | undefined;
  readonly links: LinkCounters;
  /** Under the configuration before. */
  readonly before?: OutboundWay;
  /** By name: upstreams that stay as they are, with their connections and all that is known of them. */
  readonly upstreams?: ReadonlyMap<string, Upstream>;
}

/** Makes the way out of a configuration; nothing of it is used yet. */
export function makeOutbound(
  runtime: Runtime,
  outbound: NonNullable<Runtime['config']['outbound']>,
  { requestReply, links, before, upstreams: staying }: Kept,
): OutboundWay {
  const { config, queued, wheel, limits, random, transport, baselines, network } = runtime;
  const { policy } = config;
  const counters = new SideCounters(policy, before?.side.counters);
  const shared = { config, wheel, limits, transport, random };
  const opening = network?.opening ?? (() => runtime.profiles);
  const towards = network === undefined ? {} : { noMoreTowards: network.opened };
  const routes = new Map(
    Object.entries(outbound.upstreams).map(([name, upstream]) => [
      name.toLowerCase(),
      staying?.get(name) ??
        makeUpstream(
          { ...shared, ...towards, links, limits: calledLimits(policy, name, limits) },
          name,
          upstream,
          counters,
          opening,
        ),
    ]),
  );
  const called = [...routes.values()];
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
      traffic: outboundTraffic({
        policy,
        random,
        counts: counters.traffic,
        report: (traffic) => runtime.reporter.addSection('outboundTraffic', () => traffic.statistics()),
        believed: () => true,
        upstreams: routes,
        propagation: runtime.propagation,
        table: runtime.table,
        wheel,
      }),
      tap: runtime.tapPoint,
      observation: runtime.observe(config.policy),
    }),
    counters,
  };
  return { side, called, upstreams: [...called, ...brokerRoutes.map(({ gateway }) => gateway)] };
}

/** Opens the way out. @throws PriomeshError LISTEN_FAILED when a port is taken */
export async function openOutbound(
  runtime: Runtime,
  requestReply: RequestReply | undefined,
): Promise<OutboundPart | undefined> {
  const { config, baseline, transport, reporter } = runtime;
  if (config.outbound === undefined) return undefined;
  const links = new LinkCounters();
  const way = makeOutbound(runtime, config.outbound, { requestReply, links });
  const live: LiveSide = { current: way.side };
  const listener = await Listener.open(live, config.outbound.listen);
  applyListenerProfile(listener.server, baseline, transport);
  const part: OutboundPart = { listener, live, links, way };
  reporter.addSection('links', () => links.statistics());
  reporter.addSection('upstreams', () =>
    Object.fromEntries(part.way.called.map((upstream) => [upstream.name, upstream.statistics()])),
  );
  reporter.add({
    live,
    listener,
    get upstreams() {
      return part.way.called;
    },
    queue: undefined,
  });
  return part;
}
