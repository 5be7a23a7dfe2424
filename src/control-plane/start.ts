import net from 'node:net';
import type { ControlPlaneConfig } from '../config/index.ts';
import { loadControlProtocol } from '../control-protocol/index.ts';
import { type Clock, type Logger, listenAtPath, messageOf, PriomeshError } from '../core/index.ts';
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

const UNIX = 'unix:';

/** Listens at `unix:PATH` or at a host and a port; gives the target with the port that it has. */
async function listen(server: net.Server, target: string): Promise<string> {
  if (target.startsWith(UNIX)) {
    await listenAtPath(server, target.slice(UNIX.length), 'control plane');
    return target;
  }
  const colon = target.lastIndexOf(':');
  const host = target.slice(0, colon);
  await new Promise<void>((resolve, reject) => {
    const refused = (error: Error): void =>
      reject(
        new PriomeshError('LISTEN_FAILED', `control plane: ${target}: ${messageOf(error)}`, { cause: error }),
      );
    server.once('error', refused);
    server.listen({ host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(target.slice(colon + 1)) }, () => {
      server.off('error', refused);
      resolve();
    });
  });
  const address = server.address();
  return `${host}:${typeof address === 'object' && address !== null ? address.port : 0}`;
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
  const streams = makeServer(protocol, plane, config);
  const injector = streams.createConnectionInjector(protocol.grpc.ServerCredentials.createInsecure());
  // The listener is ours: so the number of connections is bounded, and the socket file is private from its first moment on.
  const listener = net.createServer({ noDelay: true }, (socket) => injector.injectConnection(socket));
  listener.maxConnections = config.maxSidecars + config.maxReports;
  const target = await listen(listener, config.listen);
  // Accepting can fail for want of descriptors; those who are connected stay.
  listener.on('error', (error) => logger.log('warn', 'a connection was lost', { why: messageOf(error) }));
  const closing = new AbortController();
  const running = plane.run(closing.signal);
  return {
    target,
    statistics: () => plane.statistics(),
    async close() {
      if (!closing.signal.aborted) {
        closing.abort();
        listener.close();
        plane.end('the control plane ends');
        streams.forceShutdown();
      }
      await running;
    },
  };
}
