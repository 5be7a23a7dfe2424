import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../../../src/core/index.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { request } from '../harness.ts';
import {
  connected,
  type HoldingApplication,
  holdingApplication,
  numbersOf,
  queuedConfig,
  queuedPolicy,
  queuedSidecar,
  when,
} from './queued-sidecar.ts';

const MAIN = new URL('../../../../src/sidecar/main.ts', import.meta.url).pathname;
const DOOR = new URL('../../../../src/sidecar/index.ts', import.meta.url).href;
const CORE = new URL('../../../../src/core/index.ts', import.meta.url).href;

/** Another one each time; a failure names it. */
const [seed = 1] = fc.sample(fc.integer({ min: 1, max: 2 ** 31 }), 1);

let rabbit: TestBroker;
let virtualHost = '';
let count = 0;
let application: HoldingApplication;
let folder = '';
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  rabbit = await startTestBroker();
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-queue-'));
});
afterAll(async () => {
  await rabbit.close();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  count += 1;
  virtualHost = `faults${count}`;
  await rabbit.broker.createVirtualHost(virtualHost);
  application = await holdingApplication();
  open.push(application);
});

afterEach(async () => {
  for (const { answer } of application.held) answer();
  for (const one of open.splice(0).reverse()) await one.close();
});

/** A sidecar in a process of its own, that can be killed. */
async function sidecarProcess(port: number): Promise<ChildProcess> {
  const config = queuedConfig({
    broker: rabbit.broker.address,
    virtualHost,
    application: port,
    ingress: false,
    policy: queuedPolicy({ broker: { prefetch: 4 } }),
  });
  const file = path.join(folder, `sidecar-${count}-${open.length}.json`);
  await writeFile(file, JSON.stringify(config));
  const child = spawn(process.execPath, [MAIN, '--config', file], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  open.push({
    close: () => {
      child.kill('SIGKILL');
      return ended;
    },
  });
  await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  return child;
}

async function caller() {
  const policy = queuedPolicy({ broker: { prefetch: 4 }, interactive: { deadlineMs: 120_000 } });
  const started = await queuedSidecar({ broker: rabbit.broker.address, virtualHost, policy });
  open.push(started);
  await when(() => connected(started));
  return { ...started, port: started.outboundPort ?? 0 };
}

/** Requests of several clients, each sending one after the other; each has an id of its own. */
class Load {
  readonly statuses = new Map<string, number>();
  readonly done: Promise<unknown>;
  answered = 0;
  #stopping = false;

  constructor(port: number, clients: number) {
    const names = Array.from({ length: clients }, (_, index) => index);
    this.done = Promise.all(names.map((client) => this.#client(port, client)));
  }

  stop(): Promise<unknown> {
    this.#stopping = true;
    return this.done;
  }

  async #client(port: number, client: number): Promise<void> {
    for (let n = 0; !this.#stopping; n += 1) {
      const id = `/load/${client}-${n}`;
      const { status } = await request(port, {
        method: 'POST',
        path: id,
        headers: { host: 'tested' },
        body: id,
      });
      this.statuses.set(id, status);
      this.answered += 1;
    }
  }
}

/** Which requests were answered otherwise than by the application, and which the application never saw. */
function losses({ statuses }: Load, seen: readonly string[]): { failed: string[]; unseen: string[] } {
  const done = new Set(seen);
  return {
    failed: [...statuses].filter(([, status]) => status !== 200).map(([id, status]) => `${id} ${status}`),
    unseen: [...statuses.keys()].filter((id) => !done.has(`POST ${id}`)),
  };
}

async function atRandomPoints(
  random: Random,
  load: Load,
  times: number,
  what: () => Promise<void>,
): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const at = load.answered + 20 + random.below(60);
    await when(() => load.answered >= at);
    await what();
  }
}

describe(`requests under load, seed ${seed}`, () => {
  it('are all answered and executed though the broker is killed and started again', async () => {
    const one = await caller();
    const worker = await queuedSidecar({
      broker: rabbit.broker.address,
      virtualHost,
      application: application.port,
      ingress: false,
      policy: queuedPolicy({ broker: { prefetch: 4 } }),
    });
    open.push(worker);
    const load = new Load(one.port, 8);
    await atRandomPoints(seededRandom(seed), load, 2, async () => {
      await rabbit.broker.kill('SIGKILL');
      await rabbit.broker.restart();
    });
    await atRandomPoints(seededRandom(seed), load, 1, async () => undefined);
    await load.stop();
    expect(losses(load, application.seen)).toEqual({ failed: [], unseen: [] });
    const { gateway, links } = numbersOf(one);
    expect(links['gateway']?.sessions).toBe(3);
    expect(gateway.classes.interactive['republished']).toBeGreaterThan(0);
    expect(gateway.classes.interactive).toMatchObject({
      requests: load.statuses.size,
      responses: load.statuses.size,
    });
  });

  it('are all answered and executed though workers are killed', async () => {
    const one = await caller();
    const random = seededRandom(seed);
    const workers = [await sidecarProcess(application.port), await sidecarProcess(application.port)];
    const load = new Load(one.port, 8);
    await atRandomPoints(random, load, 4, async () => {
      workers.splice(random.below(2), 1)[0]?.kill('SIGKILL');
      workers.push(await sidecarProcess(application.port));
    });
    await atRandomPoints(random, load, 1, async () => undefined);
    await load.stop();
    expect(losses(load, application.seen)).toEqual({ failed: [], unseen: [] });
  });
});

describe('a request', () => {
  it('whose worker dies while it is executed is executed by another one', async () => {
    const one = await caller();
    application.hold = '/hold';
    const first = await sidecarProcess(application.port);
    const reply = request(one.port, { path: '/hold/1', headers: { host: 'tested' } });
    await when(() => application.held.length === 1);
    first.kill('SIGKILL');
    await sidecarProcess(application.port);
    await when(() => application.held.length === 2);
    application.held[1]?.answer('by the second');
    expect((await reply).body).toBe('by the second');
  });

  it('that a worker has when it is told to stop is still answered by it, and the others are left to another', async () => {
    const one = await caller();
    application.hold = '/hold';
    const first = await queuedSidecar({
      broker: rabbit.broker.address,
      virtualHost,
      application: application.port,
      ingress: false,
      policy: queuedPolicy({ broker: { prefetch: 1 } }),
    });
    open.push(first);
    const headers = { host: 'tested' };
    const replies = ['/hold/1', '/other'].map((target) => request(one.port, { path: target, headers }));
    await when(() => application.held.length === 1);
    await when(() => numbersOf(one).gateway.classes.interactive['confirmed'] === 2);
    const closed = first.close();
    await sidecarProcess(application.port);
    expect((await replies[1])?.status).toBe(200);
    application.held[0]?.answer();
    expect((await replies[0])?.status).toBe(200);
    await closed;
    expect(application.seen).toEqual(['GET /hold/1', 'GET /other']);
  });
});

describe('a sidecar without routes through a queue', () => {
  it('loads neither the AMQP client nor the HTTP client of a worker', async () => {
    const config = queuedConfig({
      broker: rabbit.broker.address,
      virtualHost,
      application: application.port,
    });
    const loaded = async (routes: readonly object[]) => {
      const script = `
        import { createRequire } from 'node:module';
        import { startSidecar } from ${JSON.stringify(DOOR)};
        import { seededRandom } from ${JSON.stringify(CORE)};
        const config = ${JSON.stringify({ ...config, policy: { ...config.policy, routes } })};
        const sidecar = await startSidecar(config, { random: seededRandom(1) });
        const links = () => Object.values(sidecar.statistics().requestReply?.links ?? {});
        while (!links().every(({ connected }) => connected)) await new Promise((done) => setTimeout(done, 5));
        const files = Object.keys(createRequire(import.meta.url).cache);
        console.log(JSON.stringify(['amqplib', 'undici'].filter((name) =>
          files.some((file) => file.includes('/node_modules/' + name + '/')))));
        await sidecar.close();`;
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
      return JSON.parse(stdout) as unknown;
    };
    expect(await loaded([])).toEqual([]);
    expect(await loaded(config.policy.routes)).toEqual(['amqplib', 'undici']);
  });
});
