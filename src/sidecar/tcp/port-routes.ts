import type { Upstream } from '../pools/index.ts';

/** The class of a connection, and where it goes. */
export interface PortRoute {
  readonly classIndex: number;
  readonly upstream: Upstream;
  /** Why it has this class, as it is counted. */
  readonly reason: string;
}

/** The routes of one port: by the name in a TLS handshake, else the port's own. */
export class PortRoutes {
  readonly #own: PortRoute;
  readonly #exact = new Map<string, PortRoute>();
  readonly #below = new Map<string, PortRoute>();

  /** @param names `example.org`, or `*.example.org` for every name one level below */
  constructor(own: PortRoute, names: readonly (readonly [name: string, route: PortRoute])[]) {
    this.#own = own;
    for (const [name, route] of names) {
      if (name.startsWith('*.')) this.#below.set(name.slice(2), route);
      else this.#exact.set(name, route);
    }
  }

  /** Whether the first bytes of a connection must be seen before it can be routed; else it may be the server that speaks first. */
  get needsName(): boolean {
    return this.#exact.size + this.#below.size > 0;
  }

  /** @param name empty where the client says none */
  of(name: string): PortRoute {
    const dot = name.indexOf('.');
    return this.#exact.get(name) ?? (dot < 0 ? undefined : this.#below.get(name.slice(dot + 1))) ?? this.#own;
  }
}
