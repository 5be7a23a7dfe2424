import type { Random } from '../../core/index.ts';
import { Carried, CarrierHeaders, type Propagation } from '../../propagation/index.ts';
import type { Exchange } from '../exchange.ts';
import { Timeout, type TimerWheel, type Timeout as WheelTimeout } from '../io/index.ts';
import type {
  ConnectionPool,
  Endpoint,
  PoolWaiter,
  Upstream,
  UpstreamConnection,
  UpstreamUser,
} from '../pools/index.ts';
import type { TrafficCounters } from '../resilience/index.ts';

/** Copies that are under way at once; further ones are not made. */
const MAX_COPIES = 64;
/** A request with a larger body is not copied. */
const MAX_BODY_BYTES = 64 * 1024;
/** A copy that is not answered by then is given up. */
const PATIENCE_MS = 10_000;

/** One copy on its way. What comes back is read and dropped. */
class Copy implements PoolWaiter, UpstreamUser {
  readonly classIndex: number;
  readonly #endpoint: Endpoint;
  readonly #pool: ConnectionPool;
  readonly #bytes: Buffer;
  readonly #over: () => void;
  readonly #wheel: TimerWheel;
  readonly #timeout: WheelTimeout = new Timeout(() => this.#end());
  #connection: UpstreamConnection | undefined;
  #ended = false;

  constructor(
    endpoint: Endpoint,
    pool: ConnectionPool,
    classIndex: number,
    bytes: Buffer,
    wheel: TimerWheel,
    over: () => void,
  ) {
    this.classIndex = classIndex;
    this.#endpoint = endpoint;
    this.#pool = pool;
    this.#bytes = bytes;
    this.#wheel = wheel;
    this.#over = over;
  }

  send(): void {
    this.#endpoint.began(this.classIndex);
    this.#wheel.set(this.#timeout, this.#wheel.nowMs + PATIENCE_MS);
    const taken = this.#pool.acquire(this, false);
    if (taken === 'full') this.#end();
    else if (taken !== undefined) this.onConnection(taken);
  }

  onConnection(connection: UpstreamConnection): void {
    this.#connection = connection;
    connection.user = this;
    connection.served += 1;
    connection.wire.send(this.#bytes);
  }

  onConnectFailed(): void {
    this.#end();
  }

  onUpstreamBytes(): void {
    const input = this.#connection?.wire.input;
    input?.consumeTo(input.end);
  }

  onUpstreamEnd(): void {
    this.#end();
  }

  onUpstreamClosed(): void {
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wheel.remove(this.#timeout);
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined) this.#pool.cancel(this);
    else this.#pool.discard(connection);
    this.#endpoint.ended(this.classIndex);
    this.#over();
  }
}

/** What copies need from outside. */
export interface MirrorParts {
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly propagation: Propagation;
  /** The least important one, as which copies go. */
  readonly classIndex: number;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly counters: TrafficCounters;
}

/** Sends copies of requests elsewhere, as the least important class and with a trace of their own. The request itself never waits for one. */
export class Mirror {
  readonly #parts: MirrorParts;
  readonly #carriers = new CarrierHeaders();
  readonly #carried = new Carried();
  #underWay = 0;

  constructor(parts: MirrorParts) {
    this.#parts = parts;
  }

  /** Copies a request to a service, if it is drawn and there is room. Before its head is rewritten. */
  offer(exchange: Exchange, service: string, percent: number): void {
    const { random } = this.#parts;
    if (random.next() * 100 >= percent) return;
    this.#count(this.#copy(exchange, service) ? 'mirrored' : 'mirrorsSkipped', service, exchange.classIndex);
  }

  #copy(exchange: Exchange, service: string): boolean {
    const { upstreams, propagation, classIndex, wheel } = this.#parts;
    const upstream = upstreams.get(service.toLowerCase());
    if (upstream === undefined || this.#underWay >= MAX_COPIES) return false;
    const endpoint = upstream.pick([], classIndex);
    const pool = endpoint?.pools[classIndex];
    if (endpoint === undefined || pool === undefined) return false;
    this.#carriers.clear();
    this.#carried.clear();
    const edits = propagation.inject(this.#carriers, this.#carried, classIndex);
    const bytes = exchange.copy(service, edits, MAX_BODY_BYTES);
    if (bytes === undefined) return false;
    this.#underWay += 1;
    const over = () => {
      this.#underWay -= 1;
      upstream.released(endpoint);
    };
    new Copy(endpoint, pool, classIndex, bytes, wheel, over).send();
    return true;
  }

  #count(what: string, service: string, classIndex: number): void {
    this.#parts.counters.count(what, service, classIndex);
  }
}
