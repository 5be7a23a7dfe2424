import { isIP } from 'node:net';
import {
  CONTROL_LIMITS,
  isClassName,
  type Placement,
  readPlacement,
  type WireRegistry,
} from '../../control-protocol/index.ts';

/** Where a service is served, as the control plane knows it. */
export interface RegistryEndpoint extends Placement {
  readonly service: string;
  readonly host: string;
  readonly port: number;
  /** Its sidecar is there, or nobody has ever said that it has one. */
  readonly healthy: boolean;
  /** It takes no new requests and is about to go; absent: it is not. */
  readonly draining?: boolean;
}

function read(wire: WireRegistry['endpoints'][number]): RegistryEndpoint | undefined {
  const { service, host, port, healthy, draining } = wire;
  if (!isClassName(service) || isIP(host) === 0 || port < 1 || port > 65_535) return undefined;
  const placement = readPlacement(wire);
  if (placement === undefined) return undefined;
  return { service, host, port, healthy, ...placement, ...(draining === true ? { draining } : {}) };
}

/** The registry as it has been told so far, by whole lists and by changes. */
export class RegistryView {
  readonly #endpoints = new Map<string, RegistryEndpoint>();

  /** Takes what has come; gives how many of its endpoints were not sound and are left out. */
  take({ whole, endpoints }: WireRegistry): number {
    if (whole) this.#endpoints.clear();
    let dropped = 0;
    for (const wire of endpoints) {
      const key = `${wire.service} ${wire.host} ${wire.port}`;
      if (wire.gone) {
        this.#endpoints.delete(key);
        continue;
      }
      const full = this.#endpoints.size >= CONTROL_LIMITS.endpoints && !this.#endpoints.has(key);
      const endpoint = full ? undefined : read(wire);
      if (endpoint === undefined) dropped += 1;
      else this.#endpoints.set(key, endpoint);
    }
    return dropped;
  }

  endpoints(): readonly RegistryEndpoint[] {
    return [...this.#endpoints.values()];
  }
}
