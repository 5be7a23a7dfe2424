import type { Policy, Random, TrafficSettings } from '../core/index.ts';
import type { Propagation, ProvenanceTable } from '../propagation/index.ts';
import type { Stage } from './exchange.ts';
import type { TimerWheel } from './io/index.ts';
import type { DataPathLimits } from './limits.ts';
import type { Upstream } from './pools/index.ts';
import {
  beginTraffic,
  callService,
  limitRate,
  readDeadline,
  routePlan,
  sendAttempt,
  servicePlan,
  serviceTraffic,
  TrafficCounters,
  takeBounded,
} from './resilience/index.ts';
import { injectFaults, Mirror, routeRequest } from './routing/index.ts';

/** What a policy's `traffic` puts into a stack, by place. A list is empty where the policy names nothing for it. */
export interface TrafficStages {
  /** First of all: what the others keep of a request. */
  readonly begin: readonly Stage[];
  /** Behind the class. */
  readonly limits: readonly Stage[];
  readonly deadline: readonly Stage[];
  /** In front of the choice of the service. */
  readonly routes: readonly Stage[];
  readonly faults: readonly Stage[];
  /** Behind it. */
  readonly call: readonly Stage[];
  /** In place of the stage that takes a connection. */
  readonly take: (take: Stage) => Stage;
  /** In front of the last one. */
  readonly send: readonly Stage[];
}

/** No traffic settings: nothing stands in the stack, and nothing is asked for them. */
export const NO_TRAFFIC: TrafficStages = {
  begin: [],
  limits: [],
  deadline: [],
  routes: [],
  faults: [],
  call: [],
  take: (take) => take,
  send: [],
};

/** What traffic stages of either side need. */
export interface TrafficParts {
  readonly policy: Policy;
  readonly random: Random;
  /** What was counted before, and is gone on with. */
  readonly counts: Map<string, Record<string, number>>;
  /** Where the counters are reported. */
  readonly report: (counters: TrafficCounters) => void;
  readonly believed: (callerAddress: string) => boolean;
}

/** What those of the way out need besides. */
export interface OutboundTrafficParts extends TrafficParts {
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly propagation: Propagation;
  readonly table: ProvenanceTable;
  readonly wheel: TimerWheel;
}

/** The stages for requests to other services. */
export function outboundTraffic(parts: OutboundTrafficParts): TrafficStages {
  const { policy, upstreams, table } = parts;
  const { traffic } = policy;
  if (traffic === undefined) return NO_TRAFFIC;
  const { counters, random, common } = begun(parts, traffic);
  const { routes = [], services = {}, faults = [], deadlines } = traffic;
  const planned = Object.keys(services).length > 0 || routes.some((route) => routePlan(route) !== undefined);
  const plans = new Map([...upstreams].map(([name, upstream]) => [upstream, servicePlan(policy, name)]));
  const bounded = Object.values(services).some(({ circuits }) =>
    circuits?.some(({ maxPending }) => maxPending !== undefined),
  );
  const mirror = routes.some((route) => route.mirror !== undefined)
    ? new Mirror({
        ...parts,
        classIndex: policy.classes.length - 1,
        random: random.child('mirror'),
        counters,
      })
    : undefined;
  return {
    ...common,
    deadline:
      deadlines === undefined
        ? []
        : [
            readDeadline({
              ...parts,
              settings: deadlines,
              inherited: ({ carried }) => table.deadlineMs(carried.trace, carried.request),
            }),
          ],
    routes:
      routes.length === 0
        ? []
        : [routeRequest({ policy, routes, ownService: undefined, upstreams, mirror, random, counters })],
    faults:
      faults.length === 0 ? [] : [injectFaults(faults, policy, undefined, random.child('faults'), counters)],
    call: planned ? [callService(plans, counters)] : [],
    take: (take) => (bounded ? takeBounded(take, counters) : take),
    send: planned || deadlines !== undefined ? [sendAttempt()] : [],
  };
}

/** The bounds of connections to a service, where the policy has its own. */
export function calledLimits(policy: Policy, name: string, limits: DataPathLimits): DataPathLimits {
  if (policy.traffic?.services === undefined) return limits;
  const { connectMs, maxConnections } = serviceTraffic(policy, name);
  return {
    ...limits,
    connectTimeoutMs: connectMs ?? limits.connectTimeoutMs,
    maxPoolConnections: maxConnections ?? limits.maxPoolConnections,
  };
}

/** What those of the way in need besides. */
export interface InboundTrafficParts extends TrafficParts {
  /** The service that all requests are for. */
  readonly service: string;
  /** Whether requests enter the mesh here. */
  readonly ingress: boolean;
}

/** The stages for requests to the application. Routes and faults are the callers' business, but for callers outside. */
export function inboundTraffic(parts: InboundTrafficParts): TrafficStages {
  const { policy, ingress, service } = parts;
  const { traffic } = policy;
  if (traffic === undefined) return NO_TRAFFIC;
  const { counters, random, common } = begun(parts, traffic);
  const { routes = [], faults = [], rateLimits = [], deadlines } = traffic;
  const limits = rateLimits.filter((limit) =>
    limit.service === undefined ? ingress : limit.service === service,
  );
  return {
    ...common,
    limits: limits.length === 0 ? [] : [limitRate(limits, policy, counters)],
    deadline:
      deadlines === undefined ? [] : [readDeadline({ ...parts, settings: deadlines, inherited: undefined })],
    routes:
      ingress && routes.length > 0
        ? [
            routeRequest({
              policy,
              routes,
              ownService: service,
              upstreams: new Map(),
              mirror: undefined,
              random,
              counters,
            }),
          ]
        : [],
    faults:
      ingress && faults.length > 0
        ? [injectFaults(faults, policy, service, random.child('faults'), counters)]
        : [],
    send: deadlines === undefined ? [] : [sendAttempt()],
  };
}

function begun({ policy, random: root, counts, report }: TrafficParts, traffic: TrafficSettings) {
  const names = policy.classes.map(({ name }) => name);
  const counters = new TrafficCounters(names, counts);
  report(counters);
  const random = root.child('traffic');
  const context = { counters, random: random.child('pauses'), tellsTime: traffic.deadlines !== undefined };
  return { counters, random, common: { ...NO_TRAFFIC, begin: [beginTraffic(context)] } };
}
