import type { Place } from './errors.ts';
import type { NetworkSettings } from './network.ts';
import type { TrafficSettings } from './traffic.ts';

/** The layers that a policy has a column for, in the order a request meets them. */
export const LAYER_NAMES = ['queue', 'broker', 'transport', 'mark', 'kernel', 'network'] as const;

/** A column of the policy table. */
export type LayerName = (typeof LAYER_NAMES)[number];

/** What a class is promised. Each member that is present is one objective. */
export interface Slo {
  /** The latency that `latencyQuantile` of the requests stay below. */
  readonly latencyMs?: number;
  /** Between 0 and 1, exclusive. Default 0.99. */
  readonly latencyQuantile: number;
  /** The rate that each response arrives with at least, bits per second. */
  readonly goodputBps?: number;
}

/** How the sidecar's request queue treats a class. */
export interface QueueColumn {
  /** A request that has waited this long is answered 503 instead of being started. */
  readonly deadlineMs: number;
  /** Share of the turns in weighted mode; a positive integer. */
  readonly weight: number;
  /** The most of the concurrency limit that this class may hold, in percent (1 to 100). */
  readonly maxSharePercent: number;
}

/** How a message broker treats a class. A larger number is more important, as in AMQP 0-9-1. */
export interface BrokerColumn {
  readonly priority: number;
}

/** A sender that yields to others, run in user space over pacing. */
export interface ScavengerSettings {
  /** The queueing delay that it aims not to exceed. */
  readonly targetDelayMs: number;
  /** It never paces below this rate, bits per second, so that it is not starved. */
  readonly minRateBps: number;
}

/** How the transport treats a class. */
export interface TransportColumn {
  /** Congestion-control algorithms of the kernel, the most wanted first. */
  readonly congestionControl: readonly string[];
  readonly scavenger?: ScavengerSettings;
}

/** How packets of a class are marked. */
export interface MarkColumn {
  /** The six-bit DSCP value (RFC 2474), 0 to 63. */
  readonly dscp: number;
  /** The value as a person wrote it: `EF`, `LE`, `AF41`, `10`. */
  readonly dscpName: string;
}

/** How a bottleneck interface treats a class. */
export interface KernelColumn {
  /** The share of the link that the class is guaranteed, in percent. The shares of all classes add up to 100 at most. */
  readonly sharePercent: number;
  /** Whether it may use what others leave. */
  readonly mayBorrow: boolean;
}

/** How the network treats a class. */
export interface NetworkColumn {
  readonly path: 'least-congested' | 'default';
  /** Which class leaves a congested path first: the smallest number. */
  readonly moveOrder: number;
  /** The DSCP values by which its packets take the second path, the third, ...; on the first they keep the class's own mark. */
  readonly alternateDscp: readonly number[];
}

/** One row of the policy table. */
export interface RequestClass {
  readonly name: string;
  /** 0 is the most important (as the urgency of RFC 9218). No two classes share a rank. */
  readonly rank: number;
  readonly slo: Slo;
  readonly queue: QueueColumn;
  readonly broker: BrokerColumn;
  readonly transport: TransportColumn;
  readonly mark: MarkColumn;
  readonly kernel: KernelColumn;
  readonly network: NetworkColumn;
}

/** A concurrency limit that a sidecar finds by itself, from how long the application takes. */
export interface AdaptiveConcurrency {
  readonly adaptive: 'gradient' | 'vegas';
  /** The limit before anything is known. */
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  /** The limit changes once in this time at most. */
  readonly windowMs: number;
  /** How often the time without load is measured anew. */
  readonly probeIntervalMs: number;
}

/**
 * Whom a queue turns away. `priority`: the least important first, by each class's own deadline; `fifo`: without regard to class, by the shortest
 * deadline of any class; `none`: nobody, but for who comes when it is full.
 */
export type Shedding = 'priority' | 'fifo' | 'none';

/** What is true of the request queue as a whole. */
export interface QueueSettings {
  readonly mode: 'strict' | 'weighted' | 'fifo';
  /** How many requests the application is given at once. */
  readonly concurrency: number | AdaptiveConcurrency;
  /** How many requests may wait; beyond it the least important is shed. */
  readonly capacity: number;
  /** A request that has waited this long is served before more important ones that have not: no class starves. */
  readonly starvationMs: number;
  /** Default: priority. */
  readonly shedding?: Shedding;
  /** While requests would wait longer than this, those that come are turned away at once, the least important first. Absent: they wait. */
  readonly targetDelayMs?: number;
}

/** The concurrency limit that a sidecar begins with. */
export function initialConcurrency({ concurrency }: QueueSettings): number {
  return typeof concurrency === 'number' ? concurrency : concurrency.initial;
}

/** How many messages a broker may have under way to one consumer: see {@link BrokerSettings.prefetch}. */
export type Prefetch = 'governed' | 'client' | 'unlimited' | number;

/** What is true of a message broker as a whole. */
export interface BrokerSettings {
  /** `x-max-priority` of the queues that are declared through a sidecar, 1 to 255; RabbitMQ advises few. */
  readonly maxPriority: number;
  /**
   * `governed`: a control loop keeps just enough messages with each consumer; `client`: what the client asked for stays;
   * `unlimited`: no bound; a number: that many. Only consumers that acknowledge have one.
   */
  readonly prefetch: Prefetch;
  /** The governed prefetch never has more messages under way to one consumer. */
  readonly maxPrefetch: number;
  /** While more important messages keep a consumer busy, it gets one of each waiting less important class this often at least. */
  readonly starvationMs: number;
}

/** Requests that are served through a message queue instead of a connection. */
export interface PolicyRoute {
  readonly name: string;
  /** The service whose requests they are. */
  readonly service: string;
  /** A path pattern, as in {@link RuleMatch.path}. */
  readonly path: string;
  readonly via: 'amqp';
  /** The queue that the service's sidecars take them from. */
  readonly queue: string;
  readonly place: Place;
}

/** What a rule compares. All members that are present must match. Strings are matched without regard to letter case where HTTP does so (header names, host). */
export interface RuleMatch {
  /** A path pattern: `*` one segment, `**` any number, `{name}` one segment; else literal. */
  readonly path?: string;
  readonly method?: readonly string[];
  /** Host without port; `*.example.org` matches any subdomain. */
  readonly host?: string;
  /** Header name (lower case) to the value it must have; `*` means present; a trailing `*` means prefix. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Query parameter to the value it must have; `*` means present. */
  readonly query?: Readonly<Record<string, string>>;
  /** The announced body is at least this large. */
  readonly bodyBytesAtLeast?: number;
  /** The announced body is at most this large; a body of unknown length does not match. */
  readonly bodyBytesAtMost?: number;
  /** `package.Service/Method` or `package.Service/*`; only requests with content-type application/grpc match. */
  readonly grpc?: string;
  /** CIDR blocks, IPv4 or IPv6, of the peer. */
  readonly sourceNetworks?: readonly string[];
  /** Explicit RFC 9218 priority: the urgency (0 to 7) is at most this. */
  readonly urgencyAtMost?: number;
  /** Explicit RFC 9218 priority: the urgency is at least this. */
  readonly urgencyAtLeast?: number;
}

/** A rule of the ingress classifier. */
export interface ClassifierRule {
  readonly name: string;
  readonly match: RuleMatch;
  readonly class: string;
  readonly place: Place;
}

/** How requests that enter the mesh are classified. The first rule that matches wins. */
export interface IngressSettings {
  readonly defaultClass: string;
  readonly rules: readonly ClassifierRule[];
  /** CIDR blocks of peers whose class headers are believed; all others' are stripped. */
  readonly trustedNetworks: readonly string[];
}

/** A policy: the class table, checked and with its defaults filled in. */
export interface Policy {
  readonly schema: 'priomesh/policy/v1';
  readonly name: string;
  /** Ordered by rank, the most important first. A class's position is its index on the data path. */
  readonly classes: readonly RequestClass[];
  readonly queue: QueueSettings;
  readonly broker: BrokerSettings;
  readonly network: NetworkSettings;
  /** Tried in this order; the first that fits is taken. A request that none fits goes by a connection. */
  readonly routes: readonly PolicyRoute[];
  /** Routing, deadlines, retries and the like; absent: none of it. */
  readonly traffic?: TrafficSettings;
  readonly ingress: IngressSettings;
}

/** The position of a class in {@link Policy.classes}: the small integer by which the data path knows it. */
export type ClassIndex = number;
