import type http from 'node:http';
import type { SidecarConfig } from '../../../../src/config/index.ts';
import { type Policy, seededRandom, type TrafficSettings } from '../../../../src/core/index.ts';
import { type Sidecar, startSidecar } from '../../../../src/sidecar/index.ts';
import { httpApplication, type Reply, request, type TestServer, testPolicy } from '../harness.ts';

/** The policy of the tests with this `traffic`. */
export function trafficPolicy(traffic: TrafficSettings): Policy {
  return { ...testPolicy(), traffic };
}

/** A sidecar between clients and some services, and what is to be closed. */
export interface Calls {
  readonly sidecar: Sidecar;
  readonly config: SidecarConfig;
  /** A request through the way out. */
  call(service: string, options?: http.RequestOptions & { readonly body?: string }): Promise<Reply>;
  /** A number of the statistics of the way out: what, where, and of which class. */
  counted(what: string, where: string, className?: string): number;
  close(): Promise<void>;
}

/** What stands behind each name: handlers or ports, an endpoint each. */
export type Services = Readonly<Record<string, readonly (http.RequestListener | number)[]>>;

/** Starts a sidecar whose way out leads to these services. */
export async function callsTo(
  services: Services,
  traffic: TrafficSettings | undefined,
  more: Partial<SidecarConfig> = {},
): Promise<Calls> {
  const servers: TestServer[] = [];
  const upstreams: Record<string, { endpoints: { host: string; port: number }[]; link: 'off' }> = {};
  for (const [name, endpoints] of Object.entries(services)) {
    const addresses = [];
    for (const endpoint of endpoints) {
      if (typeof endpoint === 'number') {
        addresses.push({ host: '127.0.0.1', port: endpoint });
        continue;
      }
      const server = await httpApplication(endpoint);
      servers.push(server);
      addresses.push({ host: '127.0.0.1', port: server.port });
    }
    upstreams[name] = { endpoints: addresses, link: 'off' };
  }
  const config: SidecarConfig = {
    service: 'caller',
    policy: traffic === undefined ? testPolicy() : trafficPolicy(traffic),
    layers: ['queue'],
    baselineCongestionControl: '',
    outbound: { listen: { host: '127.0.0.1', port: 0 }, upstreams },
    ...more,
  };
  const sidecar = await startSidecar(config, { random: seededRandom(1) });
  return {
    sidecar,
    config,
    call: (service, options = {}) =>
      request(sidecar.outboundPort ?? 0, {
        ...options,
        headers: { host: service, ...(options.headers as http.OutgoingHttpHeaders) },
      }),
    counted: (what, where, className = 'interactive') =>
      countedIn(sidecar, 'outboundTraffic', what, where, className),
    async close() {
      await sidecar.close();
      for (const server of servers) await server.close();
    },
  };
}

/** A number of the statistics of one way. */
export function countedIn(
  sidecar: Sidecar,
  way: string,
  what: string,
  where: string,
  className: string,
): number {
  const section = sidecar.statistics()[way] as Record<string, Record<string, Record<string, number>>>;
  return section[what]?.[where]?.[className] ?? 0;
}
