import type { EndpointConfig, Locality } from '../../config/index.ts';
import { type Candidate, PeakEwma } from '../balancers/index.ts';
import type { TimerWheel } from '../io/index.ts';
import type { ConnectionPool } from './connection-pool.ts';

/** How a request to an endpoint ended, as far as the endpoint is to blame. A status says nothing of it but 502, 503 and 504. */
export type EndpointOutcome = 'succeeded' | 'failed' | 'gateway-error';

/** Who is told how requests to an endpoint end. */
export interface EndpointWatch {
  observed(outcome: EndpointOutcome, latencyMs: number): void;
}

/** How an endpoint that joins or returns gets more and more requests. */
export interface SlowStart {
  readonly windowMs: number;
  /** The share of its weight that it begins with, above 0. */
  readonly minShare: number;
}

/** What an endpoint needs from outside. */
export interface EndpointOptions {
  readonly address: EndpointConfig;
  readonly wheel: TimerWheel;
  /** By class index. Classes with the same connection profile share a pool, and no others. */
  readonly pools: readonly ConnectionPool[];
  readonly classCount: number;
  /** Whether its latency is remembered. */
  readonly timed: boolean;
  readonly slowStart: SlowStart | undefined;
}

/** A congested way leaves this share of its weight to an endpoint. */
const CONGESTED_SHARE = 0.2;

/** One address that serves an upstream, with a pool for each kind of connection. */
export class Endpoint implements Candidate {
  /** An IP literal. */
  readonly host: string;
  readonly port: number;
  /** For people, and the same on every sidecar: `address:port`. */
  readonly label: string;
  readonly pools: readonly ConnectionPool[];
  weight = 1;
  locality: Locality | undefined;
  priority = 0;
  inFlight = 0;
  /** How often it was taken out of rotation. */
  ejections = 0;
  /** Told how requests end; set by who judges. */
  watch: EndpointWatch | undefined;
  /** Called when who may be chosen has changed; set by the upstream. */
  changed: () => void = () => {};
  readonly #wheel: TimerWheel;
  readonly #slowStart: SlowStart | undefined;
  readonly #inFlight: Int32Array;
  readonly #latency: PeakEwma | undefined;
  /** By class, 0 calm to 1 congested; undefined while no way is known to be congested. */
  #congestion: Float64Array | undefined;
  #rampFromMs = Number.NEGATIVE_INFINITY;
  #ejected = false;
  #failsChecks = false;
  #reportedUnhealthy = false;
  #draining = false;

  constructor(options: EndpointOptions) {
    const { address, wheel, pools, classCount, timed, slowStart } = options;
    this.host = address.host;
    this.port = address.port;
    this.label = `${address.host}:${address.port}`;
    this.pools = pools;
    this.#wheel = wheel;
    this.#slowStart = slowStart;
    this.#inFlight = new Int32Array(classCount);
    this.#latency = timed ? new PeakEwma() : undefined;
    this.describe(address);
  }

  /** Takes over what is said of it now. */
  describe({ weight = 1, locality, priority = 0 }: EndpointConfig): void {
    this.weight = weight;
    this.locality = locality;
    this.priority = priority;
  }

  /** Whether requests are sent to it while there are others. */
  get eligible(): boolean {
    return !(this.#ejected || this.#failsChecks || this.#reportedUnhealthy || this.#draining);
  }

  /** Whether it was taken out of rotation for its failures. */
  get ejected(): boolean {
    return this.#ejected;
  }

  /** Whether it is about to go: it counts no more among those who could be healthy. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Requests of one class that are at the endpoint now, from this sidecar. */
  inFlightOf(classIndex: number): number {
    return this.#inFlight[classIndex] ?? 0;
  }

  /** A request goes to it. */
  began(classIndex: number): void {
    this.inFlight += 1;
    this.#inFlight[classIndex] = (this.#inFlight[classIndex] ?? 0) + 1;
  }

  /** A request that went to it is over, however it ended. */
  ended(classIndex: number): void {
    this.inFlight -= 1;
    this.#inFlight[classIndex] = (this.#inFlight[classIndex] ?? 0) - 1;
  }

  /** How a request ended, and how long it took until the head of the response; a negative latency is not known. */
  observed(latencyMs: number, outcome: EndpointOutcome): void {
    if (latencyMs >= 0) this.#latency?.observe(latencyMs, this.#wheel.nowMs);
    this.watch?.observed(outcome, latencyMs);
  }

  /** A connection could not be made, or broke. */
  failed(): void {
    this.watch?.observed('failed', -1);
  }

  /** Takes it out of rotation for its failures, or back. */
  setEjected(ejected: boolean): void {
    if (ejected === this.#ejected) return;
    this.#ejected = ejected;
    if (ejected) this.ejections += 1;
    this.#eligibilityChanged();
  }

  /** What active checks say. */
  setFailsChecks(fails: boolean): void {
    if (fails === this.#failsChecks) return;
    this.#failsChecks = fails;
    this.#eligibilityChanged();
  }

  /** What its registry says. */
  setReported(healthy: boolean, draining: boolean): void {
    if (healthy === !this.#reportedUnhealthy && draining === this.#draining) return;
    this.#reportedUnhealthy = !healthy;
    this.#draining = draining;
    this.#eligibilityChanged();
  }

  /** How congested the way to it is for a class, 0 to 1. */
  setCongestion(classIndex: number, level: number): void {
    if (level === 0 && this.#congestion === undefined) return;
    this.#congestion ??= new Float64Array(this.#inFlight.length);
    this.#congestion[classIndex] = level;
  }

  /** From now on it gets more and more requests. */
  startSlowly(): void {
    if (this.#slowStart !== undefined) this.#rampFromMs = this.#wheel.nowMs;
  }

  weightFor(classIndex: number): number {
    let weight = this.weight;
    if (this.#rampFromMs > 0) weight *= this.#ramp();
    const level = this.#congestion?.[classIndex] ?? 0;
    return level === 0 ? weight : weight * (1 - (1 - CONGESTED_SHARE) * level);
  }

  expectedMs(): number {
    return this.#latency?.at(this.#wheel.nowMs) ?? 0;
  }

  /** The share of its weight that it gets; grows with time, as Envoy's `slow_start_config` with an aggression of 1. */
  #ramp(): number {
    const { windowMs = 0, minShare = 1 } = this.#slowStart ?? {};
    const share = (this.#wheel.nowMs - this.#rampFromMs) / windowMs;
    if (share < 1) return Math.max(minShare, share);
    this.#rampFromMs = Number.NEGATIVE_INFINITY;
    return 1;
  }

  #eligibilityChanged(): void {
    if (this.eligible) this.startSlowly();
    this.changed();
  }
}
