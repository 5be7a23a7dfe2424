import { randomToken } from '../core/index.ts';
import { compileClassifier } from '../ingress-classifier/index.ts';
import { applyListenerProfile } from '../transport/index.ts';
import type { RequestReply } from './amqp/request-reply/index.ts';
import type { Side } from './exchange.ts';
import { type InboundParts, inboundStack } from './inbound-stack.ts';
import { LinkCounters, linkProtocol } from './link/index.ts';
import { Listener } from './listener.ts';
import { gatewayRoutes, makeUpstream } from './make-upstream.ts';
import type { Upstream } from './pools/index.ts';
import { type Admission, queueSettings } from './queue/index.ts';
import type { Runtime } from './runtime.ts';
import { openAdmission, requestQueue } from './stages/index.ts';
import { SideCounters } from './statistics/index.ts';

/** The way in, open. */
export interface InboundPart {
  readonly listener: Listener;
  /** Where this sidecar's own workers hand over what they have taken from a queue; absent where there are none. */
  readonly internal: { readonly listener: Listener; readonly ownToken: string } | undefined;
  readonly upstreams: readonly Upstream[];
  readonly admission: Admission;
}

/** Opens the way in. @throws PriomeshError LISTEN_FAILED when a port is taken */
export async function openInbound(
  runtime: Runtime,
  requestReply: RequestReply | undefined,
): Promise<InboundPart | undefined> {
  const { config, queued, clock, wheel, limits, random, transport, baseline, baselines, network } = runtime;
  if (config.inbound === undefined) return undefined;
  const { policy } = config;
  const counters = new SideCounters(policy);
  const shared = { config, wheel, limits, transport, random };
  const application = makeUpstream(
    shared,
    'application',
    { endpoints: [config.inbound.application] },
    counters,
    () => baselines,
  );
  const queue = requestQueue(
    openAdmission(queueSettings(policy, config.layers.includes('queue')), clock, wheel),
  );
  const brokerRoutes = gatewayRoutes(shared, queued.inbound, requestReply, counters, baselines);
  const parts: InboundParts = {
    policy,
    ingress: config.inbound.ingress,
    classifier: compileClassifier(policy),
    propagation: runtime.propagation,
    resolver: runtime.resolver(),
    table: runtime.table,
    profiles: runtime.profiles,
    transport,
    queue,
    application,
    brokerRoutes,
    tap: runtime.tap,
  };
  const basics = runtime.sideBasics();
  const links = new LinkCounters();
  // Where requests enter the mesh, nobody outside may say of what class the bytes on a link are.
  const accepts = config.inbound.links !== false && !config.inbound.ingress;
  if (accepts) runtime.reporter.addSection('acceptedLinks', () => links.statistics());
  const side: Side = {
    name: 'inbound',
    ...basics,
    protocols: [
      ...(accepts ? [linkProtocol({ counters: links, transport, profiles: runtime.profiles })] : []),
      ...basics.protocols,
    ],
    ...inboundStack(parts),
    counters,
    ...(network === undefined ? {} : { profilesTowards: network.answering }),
  };
  const live = { current: side };
  const listener = await Listener.open(live, config.inbound.listen);
  applyListenerProfile(listener.server, baseline, transport);
  const reported = { live, listener, upstreams: [application], queue: queue.admission };
  runtime.reporter.add(reported);
  try {
    const internal = queued.workerQueues.length === 0 ? undefined : await openInternal(runtime, parts);
    const upstreams = [application, ...brokerRoutes.map(({ gateway }) => gateway)];
    return { listener, internal, upstreams, admission: queue.admission };
  } catch (error) {
    listener.destroy();
    throw error;
  }
}

/** What comes out of a queue waits for the application in the same line as what comes over connections. */
async function openInternal(runtime: Runtime, parts: InboundParts): Promise<InboundPart['internal']> {
  const ownToken = randomToken();
  const live: { current: Side } = {
    current: {
      name: 'inbound',
      ...runtime.sideBasics(ownToken),
      ...inboundStack({ ...parts, ingress: false, profiles: [], brokerRoutes: [] }),
      counters: new SideCounters(runtime.config.policy),
    },
  };
  const listener = await Listener.open(live, { host: '127.0.0.1', port: 0 });
  runtime.reporter.add({ name: 'fromQueue', live, listener, upstreams: [], queue: undefined });
  return { listener, ownToken };
}
