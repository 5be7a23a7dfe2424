/** Which requests something concerns: all members that are present must match. */
export interface TrafficMatch {
  /** The service that is called; requests that enter the mesh are for the service behind the ingress. Absent: any. */
  readonly service?: string;
  /** A path pattern: `*` one segment, `**` any number, `{name}` one segment; else literal. */
  readonly path?: string;
  readonly method?: readonly string[];
  /** Header name to the value it must have; `*` means present; a trailing `*` means prefix. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** One of the services that requests of a route go to. */
export interface WeightedService {
  readonly service: string;
  /** Its share, relative to the others. */
  readonly weight: number;
}

/** Where a redirect leads: what is absent stays as it was. */
export interface RedirectSettings {
  readonly status: 301 | 302 | 303 | 307 | 308;
  readonly scheme?: 'http' | 'https';
  readonly host?: string;
  readonly port?: number;
  /** The whole path; the query stays. */
  readonly path?: string;
  /** In place of the literal beginning of the route's path pattern. */
  readonly prefix?: string;
}

/** What is changed in the head of a request. */
export interface RewriteSettings {
  /** In place of the literal beginning of the route's path pattern. */
  readonly prefix?: string;
  readonly host?: string;
  /** Fields that are written, in place of those of the same name. */
  readonly set?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

/** How long something may take. */
export interface TimeoutSettings {
  /** The whole request, with every attempt and its response. */
  readonly requestMs?: number;
  /** One attempt until the head of its response. */
  readonly tryMs?: number;
  /** Silence while a request is under way. */
  readonly idleMs?: number;
}

/** Why a request is sent again. A number is a status. */
export type RetryCause = 'connect-failure' | 'reset' | 'gateway-error' | 'try-timeout' | number;

/** When and how often a request is sent again. */
export interface RetrySettings {
  /** How often it is sent at the most, the first time included. */
  readonly attempts: number;
  readonly on: readonly RetryCause[];
  /** `idempotent`: methods that RFC 9110 section 9.2.2 calls so; `any`: the route says that repeating does no harm. */
  readonly methods: 'idempotent' | 'any';
  /** The pause before the n-th retry is between nothing and `baseMs` times two to the n-th, `maxMs` at the most. */
  readonly backOff: { readonly baseMs: number; readonly maxMs: number };
}

/** How many attempts beyond the first there may be, so that they add no load where load is the trouble. */
export interface BudgetSettings {
  /** Of the requests in the window. */
  readonly percent: number;
  /** So many are allowed however few requests there are. */
  readonly minPerSecond: number;
  readonly windowMs: number;
}

/** When a second attempt goes out although the first has not failed. */
export interface HedgeSettings {
  readonly classes: readonly string[];
  /** After this time. One of the two. */
  readonly afterMs?: number;
  /** After the time within which this share of the upstream's answers came, live. */
  readonly afterQuantile?: number;
  /** The share of requests that are hedged at the most. */
  readonly maxPercent: number;
}

/** When the outcomes of requests close a way. */
export interface FailureSettings {
  /** Of the requests in the window. */
  readonly percent: number;
  /** With fewer requests in the window nothing is concluded. */
  readonly minRequests: number;
  readonly windowMs: number;
  /** How long nothing is sent. */
  readonly openMs: number;
  /** Requests that are then let through; the way is open again when all of them succeed. */
  readonly probes: number;
}

/** What one class may have under way to one upstream. */
export interface CircuitSettings {
  /** For which classes, each by itself. Absent: every class. */
  readonly classes?: readonly string[];
  readonly maxRequests?: number;
  /** Requests that wait for a connection. */
  readonly maxPending?: number;
  /** Retries that are under way. */
  readonly maxRetries?: number;
  readonly failures?: FailureSettings;
}

/** How much of the concurrency to one upstream a class may hold. */
export interface BulkheadSettings {
  /** Requests under way to the upstream, of all classes together. */
  readonly concurrency: number;
  /** Class to its share, in percent. A class that is not named may hold all of it. */
  readonly sharePercent: Readonly<Record<string, number>>;
}

/** How one service is called. */
export interface ServiceTraffic {
  /** How long connecting to an endpoint may take. */
  readonly connectMs?: number;
  /** Connections to one endpoint for one class. */
  readonly maxConnections?: number;
  readonly timeouts?: TimeoutSettings;
  readonly retries?: RetrySettings;
  readonly retryBudget?: BudgetSettings;
  readonly hedge?: HedgeSettings;
  /** The first that names the class, or names none, holds. */
  readonly circuits?: readonly CircuitSettings[];
  readonly bulkhead?: BulkheadSettings;
}

/** What happens to some requests; the first route that matches holds. */
export interface TrafficRoute {
  readonly name: string;
  readonly match: TrafficMatch;
  readonly to?: readonly WeightedService[];
  /** The header whose value decides among the services of `to`, the same one each time. */
  readonly stickyHeader?: string;
  readonly mirror?: { readonly service: string; readonly percent: number };
  readonly redirect?: RedirectSettings;
  readonly rewrite?: RewriteSettings;
  /** In place of the service's. */
  readonly timeouts?: TimeoutSettings;
  readonly retries?: RetrySettings;
}

/** How many requests of a class and a tenant are let in. */
export interface RateLimit {
  readonly name: string;
  /** The service in front of which it stands. Absent: where requests enter the mesh. */
  readonly service?: string;
  /** Absent: every class, each by itself. */
  readonly classes?: readonly string[];
  /** Whose bucket it is: the caller's address, the rule that classified the request, or the value of a header. Absent: one for all. */
  readonly tenant?: 'source' | 'rule' | { readonly header: string };
  readonly perSecond: number;
  readonly burst: number;
  /** Tenants that are remembered. */
  readonly maxTenants: number;
}

/** Trouble that is made on purpose. */
export interface FaultSettings {
  readonly name: string;
  readonly match: TrafficMatch;
  readonly classes?: readonly string[];
  readonly percent: number;
  readonly delayMs?: number;
  /** A status, or a connection that breaks. */
  readonly abort?: number | 'reset';
}

/** Where the time comes from that a request has. */
export interface DeadlineSettings {
  /** The header by which a caller outside says how many milliseconds it waits. */
  readonly header: string;
  /** Class to the time that its requests have where nobody says one. */
  readonly classMs?: Readonly<Record<string, number>>;
}

/** How sidecars route requests, and what they do when something goes wrong. What is absent is not done. */
export interface TrafficSettings {
  readonly deadlines?: DeadlineSettings;
  readonly routes?: readonly TrafficRoute[];
  /** By the name in Host; `*` is for those that are not named, and for what those that are do not say. */
  readonly services?: Readonly<Record<string, ServiceTraffic>>;
  readonly rateLimits?: readonly RateLimit[];
  readonly faults?: readonly FaultSettings[];
}
