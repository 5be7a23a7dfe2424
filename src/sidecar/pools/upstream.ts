import type { EndpointConfig, Locality } from '../../config/index.ts';
import type { Random } from '../../core/index.ts';
import { NO_HASH } from '../balancers/index.ts';
import type { Endpoint } from './endpoint.ts';
import { levelsOf } from './levels.ts';
import { type Balancing, type BalancingKey, Selection } from './selection.ts';

/** What a source of endpoints says of one. */
export interface FoundEndpoint extends EndpointConfig {
  /** Default true. */
  readonly healthy?: boolean;
  /** It takes no new requests, and is about to go. Default false. */
  readonly draining?: boolean;
}

/** What an upstream needs from outside. */
export interface UpstreamOptions {
  readonly name: string;
  readonly balancing: Balancing;
  /** A smaller healthy share than this of all endpoints, and health is not looked at. */
  readonly panicShare: number;
  /** Whether it is asked how long requests take. */
  readonly timed: boolean;
  /** Where the sidecar stands; undefined: distance does not count. */
  readonly own: Locality | undefined;
  readonly random: Random;
  /** Makes an endpoint that is new. */
  make(address: EndpointConfig): Endpoint;
  /** An endpoint has joined, or has left and gets no new requests. */
  joined?(endpoint: Endpoint): void;
  left?(endpoint: Endpoint): void;
  /** What those who judge endpoints have counted. */
  statistics?(): Readonly<Record<string, unknown>>;
}

const keyOf = ({ host, port }: { readonly host: string; readonly port: number }): string => `${host} ${port}`;
const NONE: readonly Endpoint[] = [];

/** A named service that requests are sent to. */
export class Upstream {
  readonly name: string;
  readonly timed: boolean;
  readonly #options: UpstreamOptions;
  #endpoints: readonly Endpoint[] = NONE;
  /** They have left, and requests are still at them. */
  readonly #leaving = new Set<Endpoint>();
  readonly #preferred: (readonly Endpoint[] | undefined)[] = [];
  /** What requests choose from, by class where that differs; made anew at the first request after a change. */
  #selection: Selection | undefined;
  readonly #selections: (Selection | undefined)[] = [];
  #everyone: Selection | undefined;
  #panics = false;
  #begun = false;

  constructor(options: UpstreamOptions, endpoints: readonly FoundEndpoint[]) {
    this.name = options.name;
    this.timed = options.timed;
    this.#options = options;
    this.set(endpoints);
    this.#begun = endpoints.length > 0;
  }

  /** All that serve it now, those too that are out of rotation. */
  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** What of a request is looked at; undefined where nothing is. */
  get balancingKey(): BalancingKey | undefined {
    return this.#options.balancing.key;
  }

  /** All to which there may be connections: those too that have left, while requests are at them. */
  get connected(): readonly Endpoint[] {
    return this.#leaving.size === 0 ? this.#endpoints : [...this.#endpoints, ...this.#leaving];
  }

  /** Endpoints that have left with requests under way. */
  get leaving(): number {
    return this.#leaving.size;
  }

  /** Whether so few are healthy that health is not looked at. */
  get panics(): boolean {
    this.#current();
    return this.#panics;
  }

  /** Requests of one class that are under way now. */
  inFlightOf(classIndex: number): number {
    let count = 0;
    for (const endpoint of this.#endpoints) count += endpoint.inFlightOf(classIndex);
    for (const endpoint of this.#leaving) count += endpoint.inFlightOf(classIndex);
    return count;
  }

  /**
   * Chooses an endpoint that this request has not tried. When all others are out of rotation they are chosen nevertheless:
   * a request to a doubtful endpoint is better than none.
   * @param hash of the request's key, where the balancer asks for one
   */
  pick(tried: readonly Endpoint[], classIndex: number, hash = NO_HASH): Endpoint | undefined {
    const common = this.#current();
    const selection =
      this.#preferred[classIndex] === undefined ? common : this.#selectionOf(classIndex, common);
    const picked = selection.pick(classIndex, hash, tried);
    if (picked !== undefined) return picked;
    return common.pick(classIndex, hash, tried) ?? this.#everybody().pick(classIndex, hash, tried);
  }

  /** From now on requests of a class go to these endpoints while one of them is in rotation; undefined or none: to all. */
  prefer(classIndex: number, endpoints: readonly Endpoint[] | undefined): void {
    const before = this.#preferred[classIndex];
    if (before === endpoints || (before !== undefined && endpoints !== undefined && alike(before, endpoints)))
      return;
    this.#preferred[classIndex] = endpoints;
    this.#selections[classIndex] = undefined;
  }

  /**
   * These are the endpoints from now on. Those that stay keep their connections and what is known of them; those that go get no new
   * requests, and requests at them end.
   */
  set(found: readonly FoundEndpoint[]): void {
    const before = new Map(this.#endpoints.map((endpoint) => [keyOf(endpoint), endpoint]));
    const now = new Map<string, Endpoint>();
    for (const address of found) {
      const key = keyOf(address);
      if (now.has(key)) continue;
      const endpoint = before.get(key) ?? this.#join(address);
      endpoint.describe(address);
      endpoint.setReported(address.healthy ?? true, address.draining ?? false);
      now.set(key, endpoint);
    }
    for (const [key, endpoint] of before) if (!now.has(key)) this.#leave(endpoint);
    this.#endpoints = [...now.values()];
    this.#begun = true;
    for (const [classIndex, preferred] of this.#preferred.entries()) {
      if (preferred?.some((endpoint) => !this.#endpoints.includes(endpoint)) === true) {
        this.#preferred[classIndex] = undefined;
      }
    }
    this.#changed();
  }

  /** A request is over: an endpoint that has left and has none any more closes what it still holds. */
  released(endpoint: Endpoint): void {
    if (endpoint.inFlight > 0 || !this.#leaving.delete(endpoint)) return;
    for (const pool of endpoint.pools) pool.destroy();
  }

  /** For people: who may be chosen, and why others may not. */
  statistics(): Readonly<Record<string, unknown>> {
    return {
      endpoints: this.#endpoints.length,
      eligible: this.#endpoints.filter(({ eligible }) => eligible).length,
      draining: this.#endpoints.filter(({ draining }) => draining).length,
      leaving: this.#leaving.size,
      panics: this.panics,
      ...this.#options.statistics?.(),
    };
  }

  /** Closes every connection. */
  destroy(): void {
    for (const endpoint of this.#endpoints) this.#options.left?.(endpoint);
    for (const { pools } of [...this.#endpoints, ...this.#leaving]) for (const pool of pools) pool.destroy();
    this.#leaving.clear();
  }

  #join(address: FoundEndpoint): Endpoint {
    const endpoint = this.#options.make(address);
    endpoint.changed = () => this.#changed();
    // Those that are there from the beginning share the load from the beginning.
    if (this.#begun) endpoint.startSlowly();
    this.#options.joined?.(endpoint);
    return endpoint;
  }

  #leave(endpoint: Endpoint): void {
    endpoint.changed = () => {};
    this.#options.left?.(endpoint);
    this.#leaving.add(endpoint);
    this.released(endpoint);
  }

  #changed(): void {
    this.#selection = undefined;
    this.#everyone = undefined;
    this.#selections.length = 0;
  }

  #current(): Selection {
    this.#selection ??= this.#choose();
    return this.#selection;
  }

  #choose(): Selection {
    const able = this.#endpoints.filter(({ draining }) => !draining);
    const healthy = able.filter(({ eligible }) => eligible);
    this.#panics =
      able.length > 0 && (healthy.length === 0 || healthy.length < able.length * this.#options.panicShare);
    return this.#select((endpoint) => (this.#panics ? !endpoint.draining : endpoint.eligible));
  }

  #selectionOf(classIndex: number, common: Selection): Selection {
    const known = this.#selections[classIndex];
    if (known !== undefined) return known;
    const preferred = this.#preferred[classIndex] ?? NONE;
    const made = this.#select((endpoint) => endpoint.eligible && preferred.includes(endpoint));
    const selection = made.empty ? common : made;
    this.#selections[classIndex] = selection;
    return selection;
  }

  #everybody(): Selection {
    this.#everyone ??= this.#select(() => true);
    return this.#everyone;
  }

  #select(usable: (endpoint: Endpoint) => boolean): Selection {
    const { own, balancing, random } = this.#options;
    // What is about to go is not missed, so that it takes nothing from the share of its level.
    const counted = this.#endpoints.filter((endpoint) => !endpoint.draining || usable(endpoint));
    return new Selection(levelsOf(counted, own, usable), balancing, random);
  }
}

function alike(one: readonly Endpoint[], other: readonly Endpoint[]): boolean {
  return one.length === other.length && one.every((endpoint, index) => endpoint === other[index]);
}
