import http from 'node:http';
import net from 'node:net';
import type { SidecarConfig } from '../../../src/config/index.ts';
import { type Policy, type QueueSettings, type RequestClass, seededRandom } from '../../../src/core/index.ts';
import { type Sidecar, startSidecar } from '../../../src/sidecar/index.ts';
import { QUIET_NETWORK } from '../../support/network-settings.ts';

function row(name: string, rank: number, dscp: number, queue: Partial<RequestClass['queue']>): RequestClass {
  return {
    name,
    rank,
    slo: { latencyQuantile: 0.99 },
    queue: { deadlineMs: 30_000, weight: 1, maxSharePercent: 100, ...queue },
    broker: { priority: 1 },
    transport: { congestionControl: ['reno'] },
    mark: { dscp, dscpName: String(dscp) },
    kernel: { sharePercent: 50, mayBorrow: true },
    network: { path: 'default', moveOrder: 0, alternateDscp: [] },
  };
}

/** Two classes; `/batch...` is batch, all else interactive. */
export function testPolicy(
  queue: Partial<QueueSettings> = {},
  batch: Partial<RequestClass['queue']> = {},
  interactive: Partial<RequestClass['queue']> = {},
): Policy {
  return {
    schema: 'priomesh/policy/v1',
    name: 'test',
    classes: [row('interactive', 0, 46, interactive), row('batch', 5, 1, batch)],
    queue: { mode: 'strict', concurrency: 64, capacity: 512, starvationMs: 60_000, ...queue },
    broker: { maxPriority: 9, prefetch: 'governed', maxPrefetch: 64, starvationMs: 5000 },
    network: QUIET_NETWORK,
    routes: [],
    ingress: {
      defaultClass: 'interactive',
      trustedNetworks: [],
      rules: [
        {
          name: 'exports',
          match: { path: '/batch/**' },
          class: 'batch',
          place: { file: 'test', line: 1, column: 1 },
        },
      ],
    },
  };
}

/** A server on loopback and how to end it. */
export interface TestServer {
  readonly port: number;
  close(): Promise<void>;
}

function opened(server: net.Server, host: string, end: () => void): Promise<TestServer> {
  return new Promise((resolve) => {
    server.listen(0, host, () => {
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address !== null ? address.port : 0,
        close: () =>
          new Promise<void>((done) => {
            server.close(() => done());
            end();
          }),
      });
    });
  });
}

/** An application of node:http. */
export function httpApplication(handler: http.RequestListener, host = '127.0.0.1'): Promise<TestServer> {
  const server = http.createServer(handler);
  return opened(server, host, () => server.closeAllConnections());
}

/** An application that speaks bytes: the handler gets each connection. */
export function rawApplication(handler: (socket: net.Socket) => void): Promise<TestServer> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    handler(socket);
  });
  return opened(server, '127.0.0.1', () => {
    for (const socket of sockets) socket.destroy();
  });
}

/** What a test may change about its sidecar. */
export interface TestSidecarOptions {
  readonly policy?: Policy;
  readonly layers?: SidecarConfig['layers'];
  readonly ingress?: boolean;
  readonly limits?: SidecarConfig['limits'];
  readonly host?: string;
  readonly baselineCongestionControl?: string;
  readonly endpoints?: readonly { readonly host: string; readonly port: number }[];
  readonly tap?: SidecarConfig['tap'];
  readonly controlPlane?: SidecarConfig['controlPlane'];
  readonly statistics?: SidecarConfig['statistics'];
}

/** A sidecar before an application on `port`; its outbound side knows the same application as `service`. */
export function sidecarBefore(port: number, options: TestSidecarOptions = {}): Promise<Sidecar> {
  const host = options.host ?? '127.0.0.1';
  const config: SidecarConfig = {
    service: 'tested',
    policy: options.policy ?? testPolicy(),
    layers: options.layers ?? ['queue'],
    baselineCongestionControl: options.baselineCongestionControl ?? '',
    inbound: {
      listen: { host, port: 0 },
      application: { host, port },
      ingress: options.ingress ?? true,
    },
    outbound: {
      listen: { host, port: 0 },
      upstreams: { service: { endpoints: options.endpoints ?? [{ host, port }], link: 'off' } },
    },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.tap === undefined ? {} : { tap: options.tap }),
    ...(options.controlPlane === undefined ? {} : { controlPlane: options.controlPlane }),
    ...(options.statistics === undefined ? {} : { statistics: options.statistics }),
  };
  return startSidecar(config, { random: seededRandom(1) });
}

/** What an HTTP client saw. */
export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** One request through node:http. Rejects when the response breaks off. */
export function request(
  port: number,
  options: http.RequestOptions & { readonly body?: string } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = http.request({ host: '127.0.0.1', port, agent: false, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('latin1'),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(options.body);
  });
}

/** What came back on a raw connection until it closed. */
export interface RawReply {
  readonly text: string;
  /** The code of the error that ended the connection; undefined after a clean end. */
  readonly error: string | undefined;
}

/** Sends bytes as they are and collects what comes until `enough` says so or the connection ends. */
export function exchangeRaw(
  port: number,
  pieces: readonly (string | Buffer)[],
  enough: (text: string) => boolean = () => false,
): Promise<RawReply> {
  return new Promise((resolve) => {
    let text = '';
    let error: string | undefined;
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (enough(text)) socket.destroy();
    });
    socket.on('error', (thrown: NodeJS.ErrnoException) => {
      error = thrown.code;
    });
    socket.on('close', () => resolve({ text, error }));
    for (const piece of pieces) socket.write(piece);
  });
}

/** How often a text occurs in another. */
export function occurrences(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** Resolves when `condition` holds; it is looked at once each turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
