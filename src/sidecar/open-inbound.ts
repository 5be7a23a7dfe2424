import { randomToken } from '../core/index.ts';
import { compileClassifier, compileNetworks } from '../ingress-classifier/index.ts';
import { applyListenerProfile } from '../transport/index.ts';
import type { RequestReply } from './amqp/request-reply/index.ts';
import type { LiveSide, Side } from './exchange.ts';
import { type InboundParts, inboundStack } from './inbound-stack.ts';
import { LinkCounters, linkProtocol } from './link/index.ts';
import { Listener } from './listener.ts';
import { gatewayRoutes, makeUpstream } from './make-upstream.ts';
import type { Upstream } from './pools/index.ts';
import type { Protocol } from './protocol.ts';
import { type Admission, type AdmissionSettings, queueSettings } from './queue/index.ts';
import type { Runtime } from './runtime.ts';
import { openAdmission, requestQueue } from './stages/index.ts';
import { SideCounters } from './statistics/index.ts';
import { inboundTraffic, NO_TRAFFIC } from './traffic-stages.ts';

/** The way in as one configuration has it. */
export interface InboundWay {
  readonly classNames: readonly string[];
  readonly side: Side;
  /** Where this sidecar's own workers hand over what they have taken from a queue. */
  readonly internalSide: Side | undefined;
  readonly application: Upstream;
  readonly upstreams: readonly Upstream[];
  readonly admission: Admission;
  readonly admissionSettings: AdmissionSettings;
}

/** The way in, open. Another configuration replaces what stands in `way`. */
export interface InboundPart {
  readonly listener: Listener;
  readonly live: LiveSide;
  /** Absent where there are no workers. */
  readonly internal: InternalPart | undefined;
  readonly links: LinkCounters;
  way: InboundWay;
}

interface InternalPart {
  readonly listener: Listener;
  readonly live: LiveSide;
  readonly ownToken: string;
}

/** What of the way in outlives a configuration. */
interface Kept {
  readonly requestReply: RequestReply | undefined;
  readonly links: LinkCounters;
  readonly ownToken: string;
  /** What is recognized before HTTP is. */
  readonly front: readonly Protocol[];
  /** Under the configuration before. */
  readonly before?: InboundWay;
  /** Whether connections to the application can stay as they are. */
  readonly keepsApplication?: boolean;
}

/** Makes the way in of a configuration; nothing of it is used yet. */
export function makeInbound(
  runtime: Runtime,
  inbound: NonNullable<Runtime['config']['inbound']>,
  kept: Kept,
): InboundWay {
  const { config, queued, wheel, limits, random, transport, baselines, network } = runtime;
  const { before, requestReply, ownToken } = kept;
  const { policy } = config;
  const counters = new SideCounters(policy, before?.side.counters);
  const shared = { config, wheel, limits, transport, random };
  const application =
    kept.keepsApplication === true && before !== undefined
      ? before.application
      : makeUpstream(shared, 'application', { endpoints: [inbound.application] }, counters, () => baselines);
  const admissionSettings = queueSettings(policy, config.layers.includes('queue'));
  const admission = admissionFor(runtime, admissionSettings, before);
  const brokerRoutes = gatewayRoutes(shared, queued.inbound, requestReply, counters, baselines);
  const trusted = compileNetworks(policy.ingress.trustedNetworks);
  const parts: InboundParts = {
    policy,
    ingress: inbound.ingress,
    classifier: compileClassifier(policy),
    propagation: runtime.propagation,
    resolver: runtime.resolver(),
    table: runtime.table,
    profiles: runtime.profiles,
    transport,
    queue: requestQueue(admission),
    application,
    brokerRoutes,
    traffic: inboundTraffic({
      policy,
      random,
      counts: counters.traffic,
      report: (traffic) => runtime.reporter.addSection('inboundTraffic', () => traffic.statistics()),
      believed: inbound.ingress ? (address) => trusted.has(address) : () => true,
      service: config.service,
      ingress: inbound.ingress,
    }),
    tap: runtime.tapPoint,
    observation: runtime.observe(config.policy),
  };
  const basics = runtime.sideBasics();
  const side: Side = {
    name: 'inbound',
    ...basics,
    protocols: [
      ...(acceptsLinks(inbound)
        ? [linkProtocol({ counters: kept.links, transport, profiles: runtime.profiles })]
        : []),
      ...kept.front,
      ...basics.protocols,
    ],
    ...inboundStack(parts),
    counters,
    ...(network === undefined ? {} : { profilesTowards: network.answering }),
  };
  // What comes out of a queue waits for the application in the same line as what comes over connections.
  const internalSide: Side | undefined =
    queued.workerQueues.length === 0
      ? undefined
      : {
          name: 'inbound',
          ...runtime.sideBasics(ownToken),
          ...inboundStack({ ...parts, ingress: false, profiles: [], brokerRoutes: [], traffic: NO_TRAFFIC }),
          counters: new SideCounters(policy, before?.internalSide?.counters),
        };
  const upstreams = [application, ...brokerRoutes.map(({ gateway }) => gateway)];
  const { classNames } = runtime;
  return { classNames, side, internalSide, application, upstreams, admission, admissionSettings };
}

/** Where requests enter the mesh, nobody outside may say of what class the bytes on a link are. */
function acceptsLinks({ links, ingress }: NonNullable<Runtime['config']['inbound']>): boolean {
  return links !== false && !ingress;
}

/** The queue goes on as it is where nothing was changed about it. */
function admissionFor(
  { clock, wheel, classNames }: Runtime,
  settings: AdmissionSettings,
  before: InboundWay | undefined,
): Admission {
  if (before === undefined) return openAdmission(settings, clock, wheel);
  if (sameQueue(before, settings, classNames)) return before.admission;
  const { adaptive } = settings;
  if (adaptive === undefined) return openAdmission(settings, clock, wheel);
  // What has been learned of the application holds under another policy too.
  const initial = Math.min(adaptive.max, Math.max(adaptive.min, before.admission.statistics().limit));
  return openAdmission({ ...settings, adaptive: { ...adaptive, initial } }, clock, wheel);
}

function sameQueue(before: InboundWay, settings: AdmissionSettings, classNames: readonly string[]): boolean {
  return (
    before.classNames.join() === classNames.join() &&
    JSON.stringify(before.admissionSettings) === JSON.stringify(settings)
  );
}

/** Opens the way in. @throws PriomeshError LISTEN_FAILED when a port is taken */
export async function openInbound(
  runtime: Runtime,
  requestReply: RequestReply | undefined,
  front: readonly Protocol[],
): Promise<InboundPart | undefined> {
  const { config, baseline, transport, reporter } = runtime;
  const { inbound } = config;
  if (inbound === undefined) return undefined;
  const links = new LinkCounters();
  const ownToken = randomToken();
  const way = makeInbound(runtime, inbound, { requestReply, links, ownToken, front });
  if (acceptsLinks(inbound)) reporter.addSection('acceptedLinks', () => links.statistics());
  const live: LiveSide = { current: way.side };
  const listener = await Listener.open(live, inbound.listen);
  applyListenerProfile(listener.server, baseline, transport);
  try {
    const internal = await openInternal(way, ownToken);
    const part: InboundPart = { listener, live, internal, links, way };
    reporter.add({
      live,
      listener,
      get upstreams() {
        return [part.way.application];
      },
      get queue() {
        return part.way.admission;
      },
    });
    if (internal !== undefined) {
      reporter.add({ name: 'fromQueue', ...internal, upstreams: [], queue: undefined });
    }
    return part;
  } catch (error) {
    listener.destroy();
    throw error;
  }
}

async function openInternal(
  { internalSide }: InboundWay,
  ownToken: string,
): Promise<InternalPart | undefined> {
  if (internalSide === undefined) return undefined;
  const live: LiveSide = { current: internalSide };
  const listener = await Listener.open(live, { host: '127.0.0.1', port: 0 });
  return { listener, live, ownToken };
}
