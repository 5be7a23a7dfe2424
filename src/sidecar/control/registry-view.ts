import { isIP } from 'node:net';
import { CONTROL_LIMITS, isClassName, type WireRegistry } from '../../control-protocol/index.ts';

/** Where a service is served, as the control plane knows it. */
export interface RegistryEndpoint {
  readonly service: string;
  readonly host: string;
  readonly port: number;
  /** Its sidecar is there, or nobody has ever said that it has one. */
  readonly healthy: boolean;
}

/** The registry as it has been told so far, by whole lists and by changes. */
export class RegistryView {
  readonly #endpoints = new Map<string, RegistryEndpoint>();

  /** Takes what has come; gives how many of its endpoints were not sound and are left out. */
  take({ whole, endpoints }: WireRegistry): number {
    if (whole) this.#endpoints.clear();
    let dropped = 0;
    for (const { service, host, port, healthy, gone } of endpoints) {
      const key = `${service} ${host} ${port}`;
      if (gone) this.#endpoints.delete(key);
      else if (!isClassName(service) || isIP(host) === 0 || port < 1 || port > 65_535) dropped += 1;
      else if (this.#endpoints.size >= CONTROL_LIMITS.endpoints && !this.#endpoints.has(key)) dropped += 1;
      else this.#endpoints.set(key, { service, host, port, healthy });
    }
    return dropped;
  }

  endpoints(): readonly RegistryEndpoint[] {
    return [...this.#endpoints.values()];
  }
}
