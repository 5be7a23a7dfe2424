import type { SidecarConfig } from '../config/index.ts';
import type { ControlClient } from './control/index.ts';
import type { Discovery } from './discovery/index.ts';
import type { Upstream } from './pools/index.ts';
import type { Runtime } from './runtime.ts';

/** Any address: who listens on it is reached at the node's own. */
const ANY = new Set(['0.0.0.0', '::']);

/** Makes the client of the control plane; nothing is opened yet. Loaded only where there is one. */
export async function makeControlClient(runtime: Runtime): Promise<ControlClient | undefined> {
  const { config, clock, random, logger, reporter } = runtime;
  if (config.controlPlane === undefined) return undefined;
  const { ControlClient } = await import('./control/index.ts');
  const { target, node } = config.controlPlane;
  const client = new ControlClient({
    target,
    node,
    service: config.service,
    clock,
    random: random.child('control'),
    logger,
  });
  reporter.addSection('controlPlane', () => client.statistics());
  return client;
}

/** Where others reach a sidecar that takes requests at a port, and how much it is to get. */
export function registrationOf({ inbound, controlPlane, locality }: SidecarConfig, port: number | undefined) {
  if (inbound === undefined || controlPlane === undefined || port === undefined) return undefined;
  const { host } = inbound.listen;
  return {
    host: ANY.has(host) ? controlPlane.node : host,
    port,
    ...(controlPlane.weight === undefined ? {} : { weight: controlPlane.weight }),
    ...(locality === undefined ? {} : { zone: locality.zone, region: locality.region ?? '' }),
  };
}

/** Begins to look for the endpoints of those of some upstreams that say where. */
export type StartDiscovery = (upstreams: readonly Upstream[]) => readonly (readonly [Upstream, Discovery])[];

/** What finds endpoints; loaded only where an upstream says where they are to be found. */
export async function loadDiscovery(
  { config, clock, random, logger }: Pick<Runtime, 'config' | 'clock' | 'random' | 'logger'>,
  control: ControlClient | undefined,
): Promise<StartDiscovery> {
  const configs = config.outbound?.upstreams ?? {};
  if (!Object.values(configs).some(({ discovery }) => discovery !== undefined)) return () => [];
  const { openDiscovery } = await import('./discovery/index.ts');
  const shared = { clock, random: random.child('discovery'), logger, control };
  return (upstreams) =>
    upstreams.flatMap((upstream) => {
      const upstreamConfig = configs[upstream.name];
      if (upstreamConfig?.discovery === undefined) return [];
      return [[upstream, openDiscovery([{ upstream, config: upstreamConfig }], shared)] as const];
    });
}
