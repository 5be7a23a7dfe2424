import { Timeout, type TimerWheel, type Timeout as WheelTimeout } from '../io/index.ts';
import type { Endpoint, EndpointOutcome, EndpointWatch } from '../pools/index.ts';
import { type Comparable, failuresBelowPeers, slowerThanPeers } from './peers.ts';

/** Comparing endpoints with each other in one respect. */
export interface PeerRule {
  readonly minEndpoints: number;
  readonly minRequests: number;
}

/** When an endpoint is left out, and for how long. */
export interface OutlierSettings {
  /** Failures to connect and connections that break, in a row. */
  readonly consecutiveFailures: number;
  /** Answers 502, 503 and 504 in a row; Infinity: not counted. */
  readonly consecutiveGatewayErrors: number;
  /** The n-th ejection lasts n times as long. */
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  /** So much of all endpoints at most, but one always may be. */
  readonly maxEjectionShare: number;
  readonly intervalMs: number;
  readonly successRate: (PeerRule & { readonly deviations: number }) | undefined;
  readonly latency: (PeerRule & { readonly factor: number }) | undefined;
}

/** Why endpoints were ejected, counted. */
export interface EjectionCounts {
  failures: number;
  gatewayErrors: number;
  successRate: number;
  latency: number;
  /** There was reason to, but as many as may be were out already. */
  refused: number;
}

/** What is remembered of one endpoint. */
class Watched implements EndpointWatch, Comparable {
  readonly endpoint: Endpoint;
  readonly back: WheelTimeout;
  requests = 0;
  successes = 0;
  timed = 0;
  latencySumMs = 0;
  /** How many ejections the next one is longer for. */
  severity = 0;
  readonly #judge: Outliers;
  #failures = 0;
  #gatewayErrors = 0;

  constructor(judge: Outliers, endpoint: Endpoint) {
    this.#judge = judge;
    this.endpoint = endpoint;
    this.back = new Timeout(() => this.#return());
  }

  observed(outcome: EndpointOutcome, latencyMs: number): void {
    this.requests += 1;
    if (latencyMs >= 0) {
      this.timed += 1;
      this.latencySumMs += latencyMs;
    }
    const { consecutiveFailures, consecutiveGatewayErrors } = this.#judge.settings;
    switch (outcome) {
      case 'succeeded':
        this.successes += 1;
        this.#failures = 0;
        this.#gatewayErrors = 0;
        return;
      case 'gateway-error':
        // It answered, so it can be reached.
        this.#failures = 0;
        this.#gatewayErrors += 1;
        if (this.#gatewayErrors >= consecutiveGatewayErrors) this.#judge.eject(this, 'gatewayErrors');
        return;
      case 'failed':
        this.#failures += 1;
        if (this.#failures >= consecutiveFailures) this.#judge.eject(this, 'failures');
    }
  }

  forgetInterval(): void {
    this.requests = 0;
    this.successes = 0;
    this.timed = 0;
    this.latencySumMs = 0;
  }

  #return(): void {
    this.#failures = 0;
    this.#gatewayErrors = 0;
    this.endpoint.setEjected(false);
  }
}

/**
 * Leaves out endpoints that fail, for a while that grows each time and shrinks again with each quiet interval (as Envoy's outlier detection).
 * Never more than a share of all, because what all do is no fault of one.
 */
export class Outliers {
  readonly settings: OutlierSettings;
  readonly counts: EjectionCounts = { failures: 0, gatewayErrors: 0, successRate: 0, latency: 0, refused: 0 };
  readonly #wheel: TimerWheel;
  readonly #records = new Map<Endpoint, Watched>();
  readonly #look: WheelTimeout;
  readonly #compares: boolean;

  constructor(settings: OutlierSettings, wheel: TimerWheel) {
    this.settings = settings;
    this.#wheel = wheel;
    this.#compares = settings.successRate !== undefined || settings.latency !== undefined;
    this.#look = new Timeout(() => this.#interval());
  }

  /** How many are out now. */
  get ejected(): number {
    let count = 0;
    for (const { ejected } of this.#records.keys()) if (ejected) count += 1;
    return count;
  }

  joined(endpoint: Endpoint): void {
    const record = new Watched(this, endpoint);
    this.#records.set(endpoint, record);
    endpoint.watch = record;
    if (this.#compares) this.#wake();
  }

  left(endpoint: Endpoint): void {
    const record = this.#records.get(endpoint);
    if (record === undefined) return;
    this.#wheel.remove(record.back);
    this.#records.delete(endpoint);
    endpoint.watch = undefined;
    if (this.#records.size === 0) this.close();
  }

  /** Ejects an endpoint, if not too many are out. */
  eject(record: Watched, why: Exclude<keyof EjectionCounts, 'refused'>): void {
    const { endpoint } = record;
    if (endpoint.ejected) return;
    const { baseEjectionMs, maxEjectionMs, maxEjectionShare } = this.settings;
    if (this.ejected >= Math.max(1, Math.floor(this.#records.size * maxEjectionShare))) {
      this.counts.refused += 1;
      return;
    }
    this.counts[why] += 1;
    record.severity += 1;
    endpoint.setEjected(true);
    const forMs = Math.min(baseEjectionMs * record.severity, Math.max(maxEjectionMs, baseEjectionMs));
    this.#wheel.set(record.back, this.#wheel.nowMs + forMs);
    this.#wake();
  }

  close(): void {
    this.#wheel.remove(this.#look);
    for (const { back } of this.#records.values()) this.#wheel.remove(back);
  }

  #wake(): void {
    if (this.#look.dueMs === Number.POSITIVE_INFINITY) {
      this.#wheel.set(this.#look, this.#wheel.nowMs + this.settings.intervalMs);
    }
  }

  /** Compares endpoints with each other, and forgives those that were in rotation. */
  #interval(): void {
    const inRotation = [...this.#records.values()].filter(({ endpoint }) => !endpoint.ejected);
    const { successRate, latency } = this.settings;
    for (const record of inRotation) record.severity = Math.max(0, record.severity - 1);
    if (successRate !== undefined) {
      for (const record of failuresBelowPeers(inRotation, successRate)) this.eject(record, 'successRate');
    }
    if (latency !== undefined) {
      for (const record of slowerThanPeers(inRotation, latency)) this.eject(record, 'latency');
    }
    for (const record of this.#records.values()) record.forgetInterval();
    const toForgive = [...this.#records.values()].some(({ severity }) => severity > 0);
    if (this.#compares || toForgive) this.#wake();
  }
}
