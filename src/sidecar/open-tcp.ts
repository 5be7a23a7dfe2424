import type { SidecarConfig } from '../config/index.ts';
import { applyListenerProfile } from '../transport/index.ts';
import type { LiveSide } from './exchange.ts';
import { Listener } from './listener.ts';
import { makeUpstream, type UpstreamContext } from './make-upstream.ts';
import type { Upstream } from './pools/index.ts';
import type { Protocol } from './protocol.ts';
import type { Runtime } from './runtime.ts';
import { SideCounters } from './statistics/index.ts';
import { opaqueProtocol, type PortRoute, PortRoutes, tcpProtocol } from './tcp/index.ts';
import { tcpStack } from './tcp-stack.ts';

type InboundPort = NonNullable<NonNullable<SidecarConfig['inbound']>['tcp']>[number];
type OutboundPort = NonNullable<NonNullable<SidecarConfig['outbound']>['tcp']>[number];
type Address = InboundPort['application'];

/** What is not HTTP, open: ports of its own, and what is recognized on the port of HTTP before HTTP is. */
export interface TcpPart {
  readonly listeners: Listener[];
  /** Services that are called. */
  readonly called: Upstream[];
  /** These, and applications. */
  readonly upstreams: Upstream[];
  readonly front: Protocol[];
}

/**
 * Opens the ports of protocols that are not read, the ways in and out.
 * @throws PriomeshError LISTEN_FAILED when a port is taken; CONFIG_INVALID when a certificate can't be read
 */
export async function openTcp(runtime: Runtime): Promise<TcpPart> {
  const { inbound, outbound } = runtime.config;
  const part: TcpPart = { listeners: [], called: [], upstreams: [], front: [] };
  try {
    if (inbound !== undefined) await openFront(runtime, inbound, part);
    await openPorts(runtime, 'inbound', inbound?.tcp ?? [], part);
    await openPorts(runtime, 'outbound', outbound?.tcp ?? [], part);
  } catch (error) {
    for (const listener of part.listeners) listener.destroy();
    throw error;
  }
  return part;
}

async function openPorts(
  runtime: Runtime,
  direction: 'inbound' | 'outbound',
  ports: readonly (InboundPort | OutboundPort)[],
  part: TcpPart,
): Promise<void> {
  const counters = new SideCounters(runtime.config.policy);
  const made = new TcpUpstreams(runtime, counters);
  for (const port of ports) {
    const live = tcpSide(runtime, direction, counters, made.routes(port));
    const listener = await Listener.open(live, port.listen);
    applyListenerProfile(listener.server, runtime.baseline, runtime.transport);
    part.listeners.push(listener);
    const name = `${direction}Tcp ${listener.port}`;
    runtime.reporter.add({ name, live, listener, upstreams: made.all, queue: undefined });
  }
  if (direction === 'outbound') part.called.push(...made.all);
  part.upstreams.push(...made.all);
}

async function openFront(
  runtime: Runtime,
  inbound: NonNullable<SidecarConfig['inbound']>,
  part: TcpPart,
): Promise<void> {
  const { opaque, application, tls, listen } = inbound;
  if (tls !== undefined) {
    // Loaded only where it is asked for: it brings all of node:crypto.
    const { tlsProtocol } = await import('./tls/index.ts');
    part.front.push(tlsProtocol(tls));
  }
  if (opaque === undefined) return;
  const counters = new SideCounters(runtime.config.policy);
  const made = new TcpUpstreams(runtime, counters);
  const routes = made.routes({ listen, application, ...opaque });
  const live = tcpSide(runtime, 'inbound', counters, routes);
  part.front.push(opaqueProtocol(routes, live));
  part.upstreams.push(...made.all);
  const listener = { connections: new Set<never>() };
  runtime.reporter.add({ name: 'opaque', live, listener, upstreams: made.all, queue: undefined });
}

/** A side whose connections go through the stack of what is not read. */
function tcpSide(
  runtime: Runtime,
  direction: 'inbound' | 'outbound',
  counters: SideCounters,
  routes: PortRoutes,
): LiveSide {
  const { transport, network, tapPoint } = runtime;
  const profiles = direction === 'inbound' ? runtime.profiles : [];
  return {
    current: {
      name: direction,
      ...runtime.sideBasics(),
      protocols: [tcpProtocol(routes)],
      ...tcpStack({ profiles, transport, tap: tapPoint }),
      counters,
      ...(network === undefined || direction === 'outbound' ? {} : { profilesTowards: network.answering }),
    },
  };
}

/** Upstreams of connections that are not read: their pools hold nothing that could carry a second one, so HTTP has others. */
class TcpUpstreams {
  readonly #runtime: Runtime;
  readonly #counters: SideCounters;
  readonly #byName = new Map<string, Upstream>();

  constructor(runtime: Runtime, counters: SideCounters) {
    this.#runtime = runtime;
    this.#counters = counters;
  }

  get all(): readonly Upstream[] {
    return [...this.#byName.values()];
  }

  routes(port: InboundPort | OutboundPort): PortRoutes {
    const own = this.#route(port, 'port');
    const names = (port.names ?? []).map(
      (one) => [one.name, this.#route({ ...port, ...one }, 'server name')] as const,
    );
    return new PortRoutes(own, names);
  }

  #route(
    to: { readonly class: string; readonly application?: Address; readonly upstream?: string },
    reason: string,
  ): PortRoute {
    const classIndex = this.#runtime.classNames.indexOf(to.class);
    const upstream =
      to.application === undefined ? this.#called(to.upstream ?? '') : this.#application(to.application);
    return { classIndex, upstream, reason };
  }

  #application(address: Address): Upstream {
    const name = `application ${address.host}:${address.port}`;
    return this.#make(name, () =>
      makeUpstream(
        this.#shared(),
        name,
        { endpoints: [address] },
        this.#counters,
        () => this.#runtime.baselines,
      ),
    );
  }

  #called(name: string): Upstream {
    const { config, network, profiles } = this.#runtime;
    const upstream = config.outbound?.upstreams[name] ?? {};
    const opening = network?.opening ?? (() => profiles);
    // What is not read can't be asked whether its server speaks the link.
    const settings = { ...upstream, link: 'off' as const };
    return this.#make(name, () => makeUpstream(this.#shared(), name, settings, this.#counters, opening));
  }

  #make(name: string, make: () => Upstream): Upstream {
    const known = this.#byName.get(name) ?? make();
    this.#byName.set(name, known);
    return known;
  }

  #shared(): UpstreamContext {
    const { config, wheel, limits, transport, random } = this.#runtime;
    return { config, wheel, limits, transport, random };
  }
}
