import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  APPLICATION_MAIN,
  type ApplicationConfig,
  GENERATOR_MAIN,
  type GeneratorConfig,
} from '../../../src/workload/index.ts';
import { LOOPBACK, listenRaw, readCsv, route, single, workload } from './support.ts';

type Line = Readonly<Record<string, unknown>>;

interface Started {
  readonly child: ChildProcess;
  readonly lines: Line[];
  readonly exited: Promise<{ status: number | null; stderr: string }>;
  waitFor(event: string): Promise<Line>;
}

let folder: string;
let children: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'processes-'));
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

async function start(main: string, config: unknown): Promise<Started> {
  const file = path.join(folder, `${children.length}.json`);
  await writeFile(file, typeof config === 'string' ? config : JSON.stringify(config));
  const child = spawn(process.execPath, [main, '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const lines: Line[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(JSON.parse(line)));
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  return {
    child,
    lines,
    exited: once(child, 'close').then(([status]) => ({ status, stderr })),
    async waitFor(event) {
      for (;;) {
        const found = lines.find((line) => line['event'] === event);
        if (found !== undefined) return found;
        await once(reader, 'line');
      }
    },
  };
}

function application(): ApplicationConfig {
  return {
    graph: single([route('/page/{id}', { computeMs: 1, responseBytes: 2000 })]),
    service: 'only',
    listen: { host: LOOPBACK, port: 0 },
    upstreams: {},
    baselineCongestionControl: '',
  };
}

function generator(port: number): GeneratorConfig {
  return {
    target: { host: LOOPBACK, port },
    host: 'only',
    workloads: [workload()],
    seed: 1,
    warmupMs: 100,
    measureMs: 300,
    drainMs: 1000,
    requestsFile: path.join(folder, 'requests.csv.gz'),
    throughputFile: path.join(folder, 'throughput.csv'),
  };
}

test('the two processes do a trial together and end with status 0', async () => {
  const server = await start(APPLICATION_MAIN, application());
  const { port } = await server.waitFor('ready');
  const client = await start(GENERATOR_MAIN, generator(Number(port)));
  const done = await client.waitFor('done');
  expect(await client.exited).toEqual({ status: 0, stderr: '' });
  const rows = readCsv(gunzipSync(await readFile(path.join(folder, 'requests.csv.gz'))).toString());
  expect(rows).toHaveLength(40);
  expect(done).toMatchObject({ sent: 30, errors: {}, statuses: { 200: 30 } });
  server.child.kill('SIGTERM');
  expect(await server.exited).toEqual({ status: 0, stderr: '' });
  expect(server.lines.at(-1)).toMatchObject({ event: 'statistics', service: 'only', answered: 40, busy: 0 });
});

test('the application ends on SIGTERM although a call hangs', async () => {
  const called = Promise.withResolvers<void>();
  const calleePort = await listenRaw((socket) => socket.once('data', () => called.resolve()));
  const calls = [{ service: 'callee', path: '/', relay: true }];
  const server = await start(APPLICATION_MAIN, {
    ...application(),
    graph: single([route('/', { calls })]),
    upstreams: { callee: { host: LOOPBACK, port: calleePort } },
  });
  const { port } = await server.waitFor('ready');
  const client = await start(GENERATOR_MAIN, {
    ...generator(Number(port)),
    workloads: [workload({ path: '/' })],
  });
  await called.promise;
  server.child.kill('SIGTERM');
  expect((await server.exited).status).toBe(0);
  client.child.kill('SIGTERM');
  expect(await client.exited).toEqual({ status: 0, stderr: '' });
});

test('the generator that is stopped early ends with status 0 and never says done', async () => {
  const port = await listenRaw(() => {});
  const client = await start(GENERATOR_MAIN, { ...generator(port), measureMs: 60_000 });
  await client.waitFor('started');
  client.child.kill('SIGTERM');
  expect(await client.exited).toEqual({ status: 0, stderr: '' });
  expect(client.lines.some((line) => line['event'] === 'done')).toBe(false);
});

test.each([
  ['an unknown key', APPLICATION_MAIN, { color: 'red' }, 'CONFIG_INVALID'],
  ['no JSON', GENERATOR_MAIN, '{', 'CONFIG_SYNTAX'],
  ['nothing in it', GENERATOR_MAIN, {}, 'CONFIG_INVALID'],
])('a configuration with %s ends the process with status 3', async (_name, main, config, code) => {
  const { exited } = await start(main, config);
  const { status, stderr } = await exited;
  expect(status).toBe(3);
  expect(stderr).toContain(code);
});

test('a port that is taken ends the application with status 5', async () => {
  const port = await listenRaw(() => {});
  const { exited } = await start(APPLICATION_MAIN, { ...application(), listen: { host: LOOPBACK, port } });
  const { status, stderr } = await exited;
  expect(status).toBe(5);
  expect(stderr).toContain(`port ${port}`);
});
