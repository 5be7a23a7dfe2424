import net from 'node:net';
import type { SidecarConfig } from '../config/index.ts';
import { messageOf, type Policy, seededRandom } from '../core/index.ts';
import type { SidecarDependencies } from './runtime.ts';
import { startSidecar } from './start.ts';

const LOOPBACK = '127.0.0.1';
const CONNECTIONS = 4;
const SERVICE = 'warm-up';
const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\nok');
const REQUEST = Buffer.from(
  `GET /warm-up HTTP/1.1\r\nhost: ${SERVICE}\r\nuser-agent: warm-up\r\naccept: */*\r\npriority: u=3\r\n\r\n`,
);

/**
 * Sends requests through a sidecar of the same configuration, for so long, before the real one serves: the first requests of a process are
 * interpreted, and cost milliseconds. That sidecar has listeners of its own on loopback, an application that is part of this function, and
 * nothing that anybody else sees: no statistics, no tap, no broker, no control plane. Where it can't be had, nothing is warmed up, which is logged.
 * @param budgetMs how long, 0 for not at all
 */
export async function warmUp(
  config: SidecarConfig,
  dependencies: SidecarDependencies,
  budgetMs: number,
): Promise<void> {
  if (budgetMs === 0) return;
  const ended = new AbortController();
  try {
    await sendThroughScratch(config, dependencies, budgetMs, ended.signal);
  } catch (error) {
    dependencies.logger?.log('warn', 'the sidecar could not be warmed up', { cause: messageOf(error) });
  } finally {
    ended.abort();
  }
}

async function sendThroughScratch(
  config: SidecarConfig,
  dependencies: SidecarDependencies,
  budgetMs: number,
  signal: AbortSignal,
): Promise<void> {
  const application = await answering(signal);
  const { service, policy, layers, baselineCongestionControl } = config;
  const listen = { host: LOOPBACK, port: 0 };
  const scratch = await startSidecar(
    {
      service,
      policy: { ...policy, routes: [], ...harmless(policy) },
      layers: layers.filter((name) => name !== 'network' && name !== 'broker'),
      baselineCongestionControl,
      limits: { provenanceEntries: 64 },
      ...(config.inbound === undefined
        ? {}
        : { inbound: { listen, application, ingress: config.inbound.ingress } }),
      ...(config.outbound === undefined
        ? {}
        : { outbound: { listen, upstreams: { [SERVICE]: { endpoints: [application] } } } }),
    },
    { ...dependencies, random: seededRandom(1) },
  );
  try {
    const ports = [scratch.inboundPort, scratch.outboundPort].filter((port) => port !== undefined);
    const eachMs = budgetMs / ports.length;
    for (const port of ports) await exchange(port, eachMs);
  } finally {
    await scratch.close();
  }
}

/** Of the traffic settings those that turn nothing away and lead nowhere else. */
function harmless({ traffic }: Policy): Pick<Policy, 'traffic'> {
  return traffic === undefined ? {} : { traffic: { ...traffic, routes: [], rateLimits: [], faults: [] } };
}

/** An application that gives every read of a request the same answer. */
async function answering(signal: AbortSignal): Promise<{ host: string; port: number }> {
  const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on('data', () => socket.write(ANSWER));
    socket.on('error', () => socket.destroy());
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
  });
  signal.addEventListener('abort', () => server.close(), { once: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, LOOPBACK, () => resolve());
  });
  const address = server.address();
  return { host: LOOPBACK, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

/** Some connections that send the next request when an answer has come, for so long. */
async function exchange(port: number, budgetMs: number): Promise<void> {
  const sockets: net.Socket[] = [];
  const enough = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, budgetMs);
  const closed = Array.from({ length: CONNECTIONS }, () => {
    const socket = net.connect({ host: LOOPBACK, port, noDelay: true });
    sockets.push(socket);
    socket.once('connect', () => socket.write(REQUEST));
    socket.on('data', () => socket.write(REQUEST));
    return new Promise<void>((resolve) => {
      socket.on('error', () => socket.destroy());
      socket.once('close', () => resolve());
    });
  });
  await Promise.all(closed);
  clearTimeout(enough);
}
