import { isDeepStrictEqual } from 'node:util';
import { CONTROL_LIMITS, type Placement, type WireRegistry } from '../control-protocol/index.ts';

/** An IP literal, a TCP port, and the service that is served there. */
export interface ServiceAddress {
  readonly service: string;
  readonly host: string;
  readonly port: number;
}

/** What stands for an endpoint. */
export interface Registration extends Placement {
  /** As its sidecar names itself. */
  readonly instance: string;
}

interface Entry extends ServiceAddress {
  readonly configured: boolean;
  placement: Placement;
  /** Who came last; only it can say that the endpoint is about to go. */
  instance: string;
  /** It is about to go: it takes no new requests. */
  draining: boolean;
  /** Streams that stand for it now. */
  streams: number;
  healthy: boolean;
  gone: boolean;
  /** The version of the registry in which it last changed. */
  version: number;
  /** When it counts as gone unless a stream has come for it; undefined while one is there. */
  missingMs: number | undefined;
}

function written(entry: Entry): WireRegistry['endpoints'][number] {
  const { service, host, port, healthy, gone, draining, placement } = entry;
  const { weight, locality } = placement;
  return {
    service,
    host,
    port,
    healthy,
    gone,
    ...(weight === undefined ? {} : { weight }),
    ...(locality === undefined ? {} : { zone: locality.zone, region: locality.region ?? '' }),
    ...(draining ? { draining } : {}),
  };
}

const keyOf = ({ service, host, port }: ServiceAddress): string => `${service} ${host} ${port}`;

/**
 * Which endpoints serve which service. An endpoint is there because the configuration names it or because its sidecar follows the control
 * plane. The end of a sidecar's last stream makes it unhealthy after a grace, within which the sidecar may come back; one that only its
 * stream had made known then leaves. One that has said that it is about to go needs no grace.
 */
export class Registry {
  /** Rises with each change that is to be told. */
  version = 1;
  readonly #graceMs: number;
  readonly #rememberedGone: number;
  readonly #entries = new Map<string, Entry>();
  /** Who knew an older version than this is told everything. */
  #oldestKnown = 0;

  /** @param rememberedGone how many endpoints that have left are remembered, so that who follows is told of them alone */
  constructor(configured: readonly ServiceAddress[], graceMs: number, rememberedGone = 1024) {
    this.#graceMs = graceMs;
    this.#rememberedGone = rememberedGone;
    for (const one of configured) this.#add(one, true);
  }

  /** How many endpoints there are. */
  get size(): number {
    let size = 0;
    for (const entry of this.#entries.values()) if (!entry.gone) size += 1;
    return size;
  }

  /** A stream has come for an endpoint. False: the registry is full. */
  join(address: ServiceAddress, { instance, ...placement }: Registration = { instance: '' }): boolean {
    const known = this.#entries.get(keyOf(address));
    if (known === undefined && this.#entries.size >= CONTROL_LIMITS.endpoints) return false;
    const entry = known ?? this.#add(address, false);
    entry.streams += 1;
    entry.missingMs = undefined;
    // A stream of the same sidecar that was lost and is opened again takes nothing back.
    const draining = entry.draining && entry.instance === instance && instance !== '';
    entry.instance = instance;
    const same = entry.healthy && !entry.gone && entry.draining === draining;
    if (same && isDeepStrictEqual(entry.placement, placement)) return true;
    this.#change(entry, { healthy: true, gone: false, draining, placement });
    return true;
  }

  /** Its sidecar is about to go. False: it is not known, or another one has taken its place. */
  drain(address: ServiceAddress, instance: string): boolean {
    const entry = this.#entries.get(keyOf(address));
    if (entry === undefined || entry.gone || entry.instance !== instance) return false;
    if (!entry.draining) this.#change(entry, { draining: true });
    return true;
  }

  /** A stream that had joined has ended. */
  leave(address: ServiceAddress, nowMs: number): void {
    const entry = this.#entries.get(keyOf(address));
    if (entry === undefined || entry.streams === 0) return;
    entry.streams -= 1;
    if (entry.streams === 0) entry.missingMs = nowMs + (entry.draining ? 0 : this.#graceMs);
  }

  /** Marks those whose grace has passed; gives when the next one passes, or undefined. */
  expire(nowMs: number): number | undefined {
    let nextMs: number | undefined;
    const before = this.version;
    for (const entry of this.#entries.values()) {
      if (entry.missingMs === undefined) continue;
      if (entry.missingMs <= nowMs) {
        entry.missingMs = undefined;
        this.#change(entry, { healthy: false, gone: !entry.configured });
      } else nextMs = Math.min(nextMs ?? entry.missingMs, entry.missingMs);
    }
    if (this.version !== before) this.#forgetGone();
    return nextMs;
  }

  /** What is new to who knew a version; everything for who knew none (0). Undefined: nothing. */
  since(version: number): WireRegistry | undefined {
    const whole = version <= this.#oldestKnown;
    const news = [...this.#entries.values()].filter((entry) =>
      whole ? !entry.gone : entry.version > version,
    );
    if (!whole && news.length === 0) return undefined;
    return { whole, endpoints: news.map(written) };
  }

  #add({ service, host, port }: ServiceAddress, configured: boolean): Entry {
    this.version += 1;
    const entry: Entry = {
      service,
      host,
      port,
      configured,
      streams: 0,
      placement: {},
      instance: '',
      draining: false,
      healthy: true,
      gone: false,
      version: this.version,
      missingMs: undefined,
    };
    this.#entries.set(keyOf(entry), entry);
    return entry;
  }

  #change(entry: Entry, state: Partial<Pick<Entry, 'healthy' | 'gone' | 'draining' | 'placement'>>): void {
    this.version += 1;
    Object.assign(entry, state, { version: this.version });
  }

  #forgetGone(): void {
    const gone = [...this.#entries].filter(([, entry]) => entry.gone);
    gone.sort(([, a], [, b]) => a.version - b.version);
    for (const [key, entry] of gone.slice(0, Math.max(0, gone.length - this.#rememberedGone))) {
      this.#oldestKnown = Math.max(this.#oldestKnown, entry.version);
      this.#entries.delete(key);
    }
  }
}
