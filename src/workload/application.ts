import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type Clock, messageOf, PriomeshError } from '../core/index.ts';
import type { CheckedApplicationConfig } from './application-config.ts';
import { type HandlerCounters, requestHandler } from './request-handler.ts';
import { compileRoutes } from './route-table.ts';
import { openSocketBaseline, type SocketBaseline } from './socket-baseline.ts';
import { UpstreamClient } from './upstream-client.ts';
import { WorkerPool, type WorkerStatistics } from './worker-pool.ts';

/** Longer than any caller keeps an idle connection, so that the caller closes and no request meets a closing connection. */
const KEEP_ALIVE_MS = 90_000;
const BACKLOG = 4096;

/** What one service of the reference application did so far. */
type ApplicationStatistics = WorkerStatistics & Readonly<HandlerCounters>;

/** A service that is being served. */
export interface Application {
  /** The port it listens on. */
  readonly port: number;
  statistics(): ApplicationStatistics;
  /** Accepts nothing more, gives requests on their way `graceMs`, then closes all connections. */
  stop(graceMs: number): Promise<void>;
}

/** What an application is given beside its configuration. */
export interface ApplicationPort {
  readonly clock: Clock;
  /** Hears what the kernel refused to the sockets; the service goes on without it. */
  onRefused(what: string): void;
}

async function listen(server: Server, address: { host: string; port: number }): Promise<number> {
  server.listen({ host: address.host, port: address.port, backlog: BACKLOG });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new PriomeshError(
      'LAB_FAILED',
      `cannot listen on ${address.host} port ${address.port}: ${messageOf(error)}`,
      { cause: error, fix: 'End the process that holds the port, or choose another.' },
    );
  }
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : address.port;
}

/** Serves one service of an application graph. Rejects with LAB_FAILED when it cannot listen. */
export async function startApplication(
  config: CheckedApplicationConfig,
  port: ApplicationPort,
): Promise<Application> {
  const service = config.graph.services[config.service];
  if (service === undefined) throw new PriomeshError('CONFIG_INVALID', `the graph has no ${config.service}`);
  const routes = compileRoutes(service.routes);
  let baseline: SocketBaseline | undefined;
  if (config.baselineCongestionControl !== '') {
    baseline = await openSocketBaseline(config.baselineCongestionControl, port.onRefused);
  }
  const upstreams = new UpstreamClient({
    upstreams: config.upstreams,
    callTimeoutMs: config.callTimeoutMs,
    baseline,
  });
  const workers = new WorkerPool(service.workers, config.maxWaiting, port.clock);
  const counters: HandlerCounters = { answered: 0, failed: 0, abandoned: 0 };
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true },
    requestHandler({ routes, workers, upstreams, clock: port.clock, counters }),
  );
  const release = () => {
    upstreams.close();
    baseline?.close();
  };
  let boundPort: number;
  try {
    boundPort = await listen(server, config.listen);
    baseline?.applyToListener(server);
  } catch (error) {
    release();
    throw error;
  }
  return {
    port: boundPort,
    statistics: () => ({ ...workers.statistics(), ...counters }),
    async stop(graceMs) {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
      release();
    },
  };
}
