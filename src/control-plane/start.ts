import type { Server } from '@grpc/grpc-js';
import type { ControlPlaneConfig } from '../config/index.ts';
import { loadControlProtocol } from '../control-protocol/index.ts';
import { type Clock, type Logger, messageOf, PriomeshError } from '../core/index.ts';
import { Plane } from './plane.ts';
import { makeServer } from './server.ts';

/** What a control plane acts through. */
export interface ControlPlaneDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A control plane that serves. */
export interface ControlPlane {
  /** Where it listens, as clients name it: with port 0 in the configuration, the port that the kernel chose. */
  readonly target: string;
  /** What it has done and holds. */
  statistics(): Readonly<Record<string, number>>;
  /** Ends every stream and stops listening. Safe to call twice. */
  close(): Promise<void>;
}

function listen(
  server: Server,
  credentials: Parameters<Server['bindAsync']>[1],
  target: string,
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(target, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(new PriomeshError('LISTEN_FAILED', `${target}: ${messageOf(error)}`, { cause: error }));
    });
  });
}

/**
 * Starts a control plane and resolves when it serves.
 * @throws PriomeshError LISTEN_FAILED
 */
export async function startControlPlane(
  config: ControlPlaneConfig,
  { clock, logger }: ControlPlaneDependencies,
): Promise<ControlPlane> {
  const protocol = await loadControlProtocol();
  const plane = new Plane(config, { clock, logger, encode: protocol.watch.responseSerialize });
  const server = makeServer(protocol, plane, config);
  const port = await listen(server, protocol.grpc.ServerCredentials.createInsecure(), config.listen);
  const closing = new AbortController();
  const running = plane.run(closing.signal);
  return {
    target: config.listen.startsWith('unix:') ? config.listen : config.listen.replace(/:\d+$/, `:${port}`),
    statistics: () => plane.statistics(),
    async close() {
      closing.abort();
      plane.end('the control plane ends');
      server.forceShutdown();
      await running;
    },
  };
}
