import type { Policy } from '../core/index.ts';
import type { Propagation, ProvenanceResolver } from '../propagation/index.ts';
import type { Stage } from './exchange.ts';
import type { ObservationStages } from './operation/observe.ts';
import type { Upstream } from './pools/index.ts';
import {
  type BrokerRoute,
  balancingKey,
  classByProvenance,
  countRequest,
  forward,
  pickEndpoint,
  readCarriers,
  rewriteHead,
  routeByBroker,
  routeByHost,
  takeConnection,
  tellTap,
} from './stages/index.ts';
import type { TapPoint } from './tap/index.ts';
import type { TrafficStages } from './traffic-stages.ts';

/** What the outbound stack is made of. */
export interface OutboundParts {
  readonly policy: Policy;
  readonly propagation: Propagation;
  readonly resolver: ProvenanceResolver;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** Calls that go into a queue, from which any sidecar of the service may take them. */
  readonly brokerRoutes: readonly BrokerRoute[];
  /** Who is told of requests that have ended; undefined where nobody can listen. */
  readonly tap: TapPoint | undefined;
  /** Logs and spans; nothing where there are none. */
  readonly observation: ObservationStages;
  /** What the policy's `traffic` adds. */
  readonly traffic: TrafficStages;
}

/** The way of a request from the application to the network, from top to bottom. */
export function outboundStack(parts: OutboundParts) {
  const { policy, propagation, resolver, upstreams, brokerRoutes, tap, traffic, observation } = parts;
  // Where connecting failed, the request returns to here and gets another endpoint.
  const retryAt = pickEndpoint();

  const stages: readonly Stage[] = [
    // Somebody may watch what becomes of each request.
    ...(tap === undefined ? [] : [tellTap(tap)]),
    // What deadlines, retries and the like keep of a request ends with it.
    ...traffic.begin,
    readCarriers(propagation, () => true),
    // Which inbound request caused this one? On the wire, by trace id, by request id, else the default.
    classByProvenance(resolver),
    countRequest(),
    ...observation.begin,
    // It has no more time than the request inside that caused it, whether the application says so or not.
    ...traffic.deadline,
    // What is served through a queue leaves here for the broker.
    ...(brokerRoutes.length === 0 ? [] : [routeByBroker(policy, brokerRoutes, true)]),
    // Redirects, other services by weight, copies, other heads.
    ...traffic.routes,
    routeByHost(upstreams),
    // Trouble on purpose comes before the circuits, which would take it for the upstream's.
    ...traffic.faults,
    // Timeouts, retries and hedges of the service; what is beyond its circuit or bulkhead goes no further.
    ...traffic.call,
    // Where the balancer keeps requests with one key together: the key, while the head is as it came.
    ...([...upstreams.values()].some((one) => one.balancingKey !== undefined) ? [balancingKey()] : []),
    // The class goes on the wire, also where the application has dropped it.
    rewriteHead(propagation),
    retryAt,
    ...observation.sent,
    // A pool for each class: its sockets carry the class's congestion control and marks from the SYN on.
    traffic.take(takeConnection()),
    // The last look at the time; each attempt says which one it is and what time is left.
    ...traffic.send,
    forward(),
  ];
  return { stages, retryStage: stages.indexOf(retryAt) };
}
