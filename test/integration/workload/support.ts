import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type Agent, get, type IncomingHttpHeaders } from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { seededRandom, systemClock } from '../../../src/core/index.ts';
import { type Application, startApplication } from '../../../src/workload/application.ts';
import { applicationConfigSchema } from '../../../src/workload/application-config.ts';
import { runGenerator } from '../../../src/workload/generator.ts';
import type { GeneratorReport } from '../../../src/workload/generator-audit.ts';
import { generatorConfigSchema } from '../../../src/workload/generator-config.ts';
import type { ApplicationConfig, GeneratorConfig } from '../../../src/workload/index.ts';
import { openPacer } from '../../../src/workload/pacer.ts';
import type { ProcessEvent } from '../../../src/workload/process-main.ts';

export const LOOPBACK = '127.0.0.1';

type Route = ApplicationConfig['graph']['services'][string]['routes'][number];

export function route(path: string, more: Partial<Route> = {}): Route {
  return { path, method: 'GET', computeMs: 0, responseBytes: 0, calls: [], parallel: false, ...more };
}

/** Four services: frontend -> catalog, reviews -> ratings. */
const GRAPH: ApplicationConfig['graph'] = {
  schema: 'priomesh/graph/v1',
  name: 'library',
  services: {
    ratings: { workers: 8, routes: [route('/rating/{id}', { computeMs: 3, responseBytes: 50 })] },
    reviews: {
      workers: 8,
      routes: [
        route('/reviews/{id}', {
          computeMs: 4,
          responseBytes: 500,
          calls: [{ service: 'ratings', path: '/rating/{id}', relay: false }],
        }),
      ],
    },
    catalog: {
      workers: 8,
      routes: [
        route('/book/{id}', { computeMs: 5, responseBytes: 800 }),
        route('/dump', { responseBytes: 1_000_000 }),
      ],
    },
    frontend: {
      workers: 8,
      routes: [
        route('/page/{id}', {
          computeMs: 2,
          responseBytes: 3000,
          parallel: true,
          calls: [
            { service: 'catalog', path: '/book/{id}', relay: false },
            { service: 'reviews', path: '/reviews/{id}', relay: false },
          ],
        }),
        route('/export', {
          computeMs: 1,
          responseBytes: 1234,
          calls: [{ service: 'catalog', path: '/dump', relay: true }],
        }),
        route('/both', {
          parallel: true,
          calls: [
            { service: 'catalog', path: '/dump', relay: true },
            { service: 'catalog', path: '/book/1', relay: true },
          ],
        }),
      ],
    },
  },
};

/** Serves a service on a port that the kernel chooses; stopped when the test ends. */
export async function serve(
  graph: ApplicationConfig['graph'],
  service: string,
  ports: Readonly<Record<string, number>> = {},
  more: Partial<ApplicationConfig> = {},
): Promise<Application> {
  const upstreams = Object.fromEntries(
    Object.entries(ports).map(([name, port]) => [name, { host: LOOPBACK, port }]),
  );
  const config = applicationConfigSchema.parse({
    graph,
    service,
    listen: { host: LOOPBACK, port: 0 },
    upstreams,
    baselineCongestionControl: '',
    ...more,
  });
  const application = await startApplication(config, {
    clock: systemClock,
    random: seededRandom(1),
    onRefused() {},
  });
  onTestFinished(() => application.stop(0));
  return application;
}

/** A graph of one service with one route, and possibly calls to a service `callee` that is not in it. */
export function single(routes: readonly Route[], workers = 8): ApplicationConfig['graph'] {
  return { schema: 'priomesh/graph/v1', name: 'single', services: { only: { workers, routes } } };
}

/** Serves all of {@link GRAPH}; returns the ports by name. */
export async function serveGraph(): Promise<Record<string, number>> {
  const ports: Record<string, number> = {};
  for (const name of Object.keys(GRAPH.services)) ports[name] = (await serve(GRAPH, name, ports)).port;
  return ports;
}

/** A TCP server that does what the test says with each connection; closed when the test ends. */
export async function listenRaw(onConnection: (socket: net.Socket) => void): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as net.AddressInfo).port;
}

export interface Fetched {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export async function fetchFrom(
  port: number,
  target: string,
  headers: Readonly<Record<string, string>> = {},
  agent?: Agent,
): Promise<Fetched> {
  const request = get({ host: LOOPBACK, port, path: target, headers, agent: agent ?? false });
  const [response] = await once(request, 'response');
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces) };
}

export interface Row {
  readonly [column: string]: string;
}

export interface GeneratorRun {
  readonly report: GeneratorReport;
  readonly events: readonly ProcessEvent[];
  readonly rows: readonly Row[];
  readonly throughput: readonly Row[];
  readonly originMs: number;
}

export function readCsv(text: string): Row[] {
  const [header = '', ...lines] = text.trimEnd().split('\n');
  const columns = header.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? '']));
  });
}

export function workload(more: Partial<GeneratorConfig['workloads'][number]> = {}) {
  return {
    name: 'pages',
    class: 'interactive',
    method: 'GET',
    path: '/page/7',
    arrivals: 'constant' as const,
    rateRps: 100,
    timeoutMs: 5000,
    ...more,
  };
}

/** Runs the generator in this process against a port of loopback, and reads what it wrote. */
export async function generate(
  port: number,
  more: Partial<GeneratorConfig> = {},
  onEvent: (event: ProcessEvent) => void = () => {},
): Promise<GeneratorRun> {
  const folder = await mkdtemp(path.join(tmpdir(), 'generator-'));
  const pacer = await openPacer(systemClock);
  try {
    const config = generatorConfigSchema.parse({
      target: { host: LOOPBACK, port },
      host: 'frontend',
      workloads: [workload()],
      seed: 1,
      warmupMs: 200,
      measureMs: 800,
      drainMs: 2000,
      requestsFile: path.join(folder, 'requests.csv.gz'),
      throughputFile: path.join(folder, 'throughput.csv'),
      ...more,
    });
    const events: ProcessEvent[] = [];
    const report = await runGenerator(config, {
      clock: systemClock,
      signal: new AbortController().signal,
      pacer,
      emit(event) {
        events.push(event);
        onEvent(event);
      },
    });
    const rows = readCsv(gunzipSync(await readFile(config.requestsFile)).toString());
    const throughput = readCsv(await readFile(config.throughputFile, 'utf8'));
    const started = events.find((event) => event.event === 'started');
    return { report, events, rows, throughput, originMs: Number(started?.['monotonicMs']) };
  } finally {
    await pacer.close();
    await rm(folder, { recursive: true });
  }
}
