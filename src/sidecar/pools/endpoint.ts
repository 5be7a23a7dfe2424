import type { Candidate } from '../balancers/index.ts';
import { Timeout, type TimerWheel, type Timeout as WheelTimeout } from '../io/index.ts';
import type { ConnectionPool } from './connection-pool.ts';

/** What an endpoint needs from outside. */
export interface EndpointOptions {
  /** An IP literal. */
  readonly host: string;
  readonly port: number;
  readonly wheel: TimerWheel;
  /** Failures in a row that take it out of rotation, and for how long. */
  readonly breakerFailures: number;
  readonly breakerOpenMs: number;
  /** By class index. Classes with the same connection profile share a pool, and no others. */
  readonly pools: readonly ConnectionPool[];
}

/** One address that serves an upstream, with a pool for each kind of connection. */
export class Endpoint implements Candidate {
  readonly host: string;
  readonly port: number;
  /** For people: `address:port`. */
  readonly label: string;
  readonly pools: readonly ConnectionPool[];
  inFlight = 0;
  eligible = true;
  /** How often it was taken out of rotation. */
  ejections = 0;
  readonly #options: EndpointOptions;
  readonly #return: WheelTimeout;
  #failures = 0;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.host = options.host;
    this.port = options.port;
    this.label = `${options.host}:${options.port}`;
    this.pools = options.pools;
    this.#return = new Timeout(() => {
      this.eligible = true;
      this.#failures = 0;
    });
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** A connection failed or broke. */
  failed(): void {
    this.#failures += 1;
    if (this.#failures < this.#options.breakerFailures || !this.eligible) return;
    this.eligible = false;
    this.ejections += 1;
    const { wheel, breakerOpenMs } = this.#options;
    wheel.set(this.#return, wheel.nowMs + breakerOpenMs);
  }
}
