import type { Policy } from '../core/index.ts';
import { type Classifier, compileNetworks } from '../ingress-classifier/index.ts';
import type { Propagation, ProvenanceResolver, ProvenanceTable } from '../propagation/index.ts';
import type { ConnectionProfile, Transport } from '../transport/index.ts';
import type { Stage } from './exchange.ts';
import type { ObservationStages } from './operation/observe.ts';
import type { Upstream } from './pools/index.ts';
import {
  type BrokerRoute,
  classByProvenance,
  classifyAtIngress,
  countRequest,
  forward,
  markResponse,
  pickEndpoint,
  type RequestQueueStage,
  readCarriers,
  registerProvenance,
  rewriteHead,
  routeByBroker,
  takeConnection,
  tellTap,
  toApplication,
} from './stages/index.ts';
import type { TapPoint } from './tap/index.ts';
import type { TrafficStages } from './traffic-stages.ts';

/** What the inbound stack is made of. */
export interface InboundParts {
  readonly policy: Policy;
  /** Whether requests enter the mesh here. */
  readonly ingress: boolean;
  readonly classifier: Classifier;
  readonly propagation: Propagation;
  readonly resolver: ProvenanceResolver;
  readonly table: ProvenanceTable;
  readonly profiles: readonly ConnectionProfile[];
  readonly transport: Transport;
  /** In front of the application; shared by all stacks that lead to it. */
  readonly queue: RequestQueueStage;
  readonly application: Upstream;
  /** Requests that do not go to the application beside it but into a queue, from which any of the service's sidecars may take them. */
  readonly brokerRoutes: readonly BrokerRoute[];
  /** Who is told of requests that have ended; undefined where nobody can listen. */
  readonly tap: TapPoint | undefined;
  /** Logs and spans; nothing where there are none. */
  readonly observation: ObservationStages;
  /** What the policy's `traffic` adds. */
  readonly traffic: TrafficStages;
}

/** The way of a request from the network to the application, from top to bottom. */
export function inboundStack(parts: InboundParts) {
  const {
    policy,
    ingress,
    classifier,
    propagation,
    resolver,
    table,
    tap,
    queue,
    brokerRoutes,
    traffic,
    observation,
  } = parts;
  const trusted = compileNetworks(policy.ingress.trustedNetworks);
  // Where connecting failed, the request returns to here.
  const retryAt = pickEndpoint();

  const stages: readonly Stage[] = [
    // Somebody may watch what becomes of each request.
    ...(tap === undefined ? [] : [tellTap(tap)]),
    // What deadlines and the like keep of a request ends with it.
    ...traffic.begin,
    // At the edge nobody's word on the class counts but that of trusted networks; inside, everybody's does.
    readCarriers(propagation, ingress ? (address) => trusted.has(address) : () => true),
    // The one decision that every layer obeys.
    ingress ? classifyAtIngress(classifier) : classByProvenance(resolver),
    countRequest(),
    ...observation.begin,
    // Even the answers "too many" and "too busy" leave with the class's mark.
    markResponse(parts.profiles, parts.transport),
    // Who asks more often than he may is told so before he costs anything.
    ...traffic.limits,
    // A request whose time is over is not begun; what it causes has no more time than is left.
    ...traffic.deadline,
    // For callers outside: redirects, other paths, faults on purpose.
    ...traffic.routes,
    ...traffic.faults,
    // What is served through a queue leaves here for the broker, and waits there.
    ...(brokerRoutes.length === 0 ? [] : [routeByBroker(policy, brokerRoutes, false)]),
    // What came from outside goes, what is ours is stamped on, hop-by-hop fields end here.
    rewriteHead(propagation),
    // From here on the calls that this request causes are recognized as its own.
    registerProvenance(table),
    // The application is given no more at once than it can handle, the important first.
    queue,
    toApplication(parts.application),
    retryAt,
    ...observation.sent,
    traffic.take(takeConnection()),
    // The application is told the time that is left.
    ...traffic.send,
    forward(),
  ];
  return { stages, retryStage: stages.indexOf(retryAt) };
}
