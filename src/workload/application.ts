import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type Clock, messageOf, PriomeshError, type Random } from '../core/index.ts';
import type { CheckedApplicationConfig } from './application-config.ts';
import { CallFailure, type Calls } from './calls.ts';
import { type Messaging, type MessagingStatistics, openMessaging } from './messaging.ts';
import { type HandlerCounters, requestHandler } from './request-handler.ts';
import { compileRoutes } from './route-table.ts';
import { openSocketBaseline, type SocketBaseline } from './socket-baseline.ts';
import { UpstreamClient } from './upstream-client.ts';
import { WorkerPool, type WorkerStatistics } from './worker-pool.ts';

/** Longer than any caller keeps an idle connection, so that the caller closes and no request meets a closing connection. */
const KEEP_ALIVE_MS = 90_000;
const BACKLOG = 4096;

/** What one service of the reference application did so far. */
type ApplicationStatistics = WorkerStatistics &
  Readonly<HandlerCounters> & {
    /** Absent where the service has to do with no broker. */
    readonly messages?: MessagingStatistics;
  };

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
  /** Spreads reconnections; names messages. */
  readonly random: Random;
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

/** Serves one service of an application graph. Rejects with LAB_FAILED when it cannot listen, or finds no broker where it needs one. */
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
  let messaging: Messaging | undefined;
  const calls: Calls = {
    call(planned, headers, signal) {
      if (planned.via === 'http') return upstreams.call(planned, headers, signal);
      if (messaging?.client !== undefined) return messaging.client.call(planned, headers, signal);
      throw new CallFailure(`${planned.service}: not connected to the broker yet`);
    },
  };
  const handling = { routes, workers, calls, clock: port.clock, counters };
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true }, requestHandler(handling));
  const release = () => {
    upstreams.close();
    baseline?.close();
  };
  let boundPort: number;
  try {
    boundPort = await listen(server, config.listen);
    baseline?.applyToListener(server);
    messaging = await openMessaging(config, handling, {
      random: port.random,
      onSocket: (socket) => baseline?.applyToSocket(socket),
    });
  } catch (error) {
    server.close();
    release();
    throw error;
  }
  return {
    port: boundPort,
    statistics: () => ({
      ...workers.statistics(),
      ...counters,
      ...(messaging === undefined ? {} : { messages: messaging.statistics() }),
    }),
    async stop(graceMs) {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await Promise.all([closed, messaging?.stop(graceMs)]);
      clearTimeout(timer);
      release();
    },
  };
}
