import type {
  HedgeSettings,
  Policy,
  RetryCause,
  RetrySettings,
  ServiceTraffic,
  TimeoutSettings,
  TrafficRoute,
} from '../../core/index.ts';
import { AttemptBudget } from './attempt-budget.ts';
import { Bulkhead } from './bulkhead.ts';
import { Circuit } from './circuit.ts';
import { LatencyWindow } from './latency-window.ts';

const ANY_SERVICE = '*';
const DEFAULT_BUDGET = { percent: 20, minPerSecond: 10, windowMs: 10_000 };
/** Hedges a second that are allowed however few requests there are, so that the first slow one can be. */
const HEDGES_PER_SECOND = 0.1;
const HEDGE_WINDOW_MS = 10_000;

/** When a request is sent again, ready to be asked. */
export interface Retries {
  readonly attempts: number;
  readonly causes: ReadonlySet<RetryCause>;
  readonly anyMethod: boolean;
  readonly baseMs: number;
  readonly maxMs: number;
}

/** When a second attempt goes out for requests of one class. */
export interface Hedging {
  readonly afterMs: number | undefined;
  readonly afterQuantile: number | undefined;
  readonly budget: AttemptBudget;
}

/** What holds between one class and one service; it is shared by all their requests. */
export interface ClassPlan {
  readonly budget: AttemptBudget;
  readonly circuit: Circuit | undefined;
  readonly hedging: Hedging | undefined;
  /** How long answers take, where a hedge asks for it. */
  readonly latency: LatencyWindow | undefined;
}

/** How one service is called. */
export interface ServicePlan {
  readonly name: string;
  readonly timeouts: TimeoutSettings;
  readonly retries: Retries | undefined;
  readonly bulkhead: Bulkhead | undefined;
  readonly classes: readonly ClassPlan[];
}

/** What of a route is in place of what its service says. */
export interface RoutePlan {
  readonly timeouts: TimeoutSettings | undefined;
  readonly retries: Retries | undefined;
}

function retriesOf(settings: RetrySettings | undefined): Retries | undefined {
  if (settings === undefined) return undefined;
  const { attempts, on, methods, backOff } = settings;
  return { attempts, causes: new Set(on), anyMethod: methods === 'any', ...backOff };
}

/** The part of a route that concerns attempts; undefined when it says nothing of them. */
export function routePlan({ timeouts, retries }: TrafficRoute): RoutePlan | undefined {
  if (timeouts === undefined && retries === undefined) return undefined;
  return { timeouts, retries: retriesOf(retries) };
}

/** What is said of a service, with what is said of all. */
export function serviceTraffic(policy: Policy, name: string): ServiceTraffic {
  const services = policy.traffic?.services ?? {};
  const own = Object.entries(services).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
  return { ...services[ANY_SERVICE], ...own };
}

/** The plan of a service. Where the policy says nothing of it, it bounds nothing; routes may still. */
export function servicePlan(policy: Policy, name: string): ServicePlan {
  const {
    timeouts = {},
    retries,
    retryBudget,
    hedge,
    circuits = [],
    bulkhead,
  } = serviceTraffic(policy, name);
  const names = policy.classes.map((one) => one.name);
  const budget = retryBudget ?? DEFAULT_BUDGET;
  return {
    name,
    timeouts,
    retries: retriesOf(retries),
    bulkhead: bulkhead === undefined ? undefined : new Bulkhead(bulkhead, names),
    classes: names.map((className) => {
      const circuit = circuits.find(({ classes }) => classes === undefined || classes.includes(className));
      const hedging = hedgingOf(hedge, className);
      return {
        budget: new AttemptBudget(budget.percent, budget.minPerSecond, budget.windowMs),
        circuit: circuit === undefined ? undefined : new Circuit(circuit),
        hedging,
        latency: hedging?.afterQuantile === undefined ? undefined : new LatencyWindow(),
      };
    }),
  };
}

function hedgingOf(settings: HedgeSettings | undefined, className: string): Hedging | undefined {
  if (settings === undefined || !settings.classes.includes(className)) return undefined;
  return {
    afterMs: settings.afterMs,
    afterQuantile: settings.afterQuantile,
    budget: new AttemptBudget(settings.maxPercent, HEDGES_PER_SECOND, HEDGE_WINDOW_MS),
  };
}

/** After how long a request of a class is hedged; Infinity: not at all, or not yet. */
export function hedgeAfterMs({ hedging, latency }: ClassPlan, nowMs: number): number {
  return (
    hedging?.afterMs ?? latency?.quantileMs(hedging?.afterQuantile ?? 1, nowMs) ?? Number.POSITIVE_INFINITY
  );
}
