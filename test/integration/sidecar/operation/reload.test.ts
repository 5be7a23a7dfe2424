import { mkdtemp, rm } from 'node:fs/promises';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { SidecarConfig } from '../../../../src/config/index.ts';
import { type Policy, seededRandom, systemClock } from '../../../../src/core/index.ts';
import { readTap, type Sidecar, startSidecar } from '../../../../src/sidecar/index.ts';
import { httpApplication, request, type TestServer, testPolicy, until } from '../harness.ts';
import { type Load, load } from './load.ts';

let application: TestServer | undefined;
let sidecar: Sidecar | undefined;
const loads: Load[] = [];

afterEach(async () => {
  await Promise.all(loads.splice(0).map((one) => one.stop()));
  await sidecar?.close();
  await application?.close();
  sidecar = undefined;
  application = undefined;
});

function configOf(port: number, change: Partial<SidecarConfig> = {}): SidecarConfig {
  return {
    service: 'tested',
    policy: testPolicy({ concurrency: 8 }),
    layers: ['queue'],
    baselineCongestionControl: '',
    inbound: {
      listen: { host: '127.0.0.1', port: 0 },
      application: { host: '127.0.0.1', port },
      ingress: true,
    },
    outbound: {
      listen: { host: '127.0.0.1', port: 0 },
      upstreams: { service: { endpoints: [{ host: '127.0.0.1', port }], link: 'off' } },
    },
    ...change,
  };
}

/** The classes in another number and order, with another queue. */
function variant(step: number): Policy {
  const { classes, ...policy } = testPolicy({
    concurrency: 4 + (step % 5),
    mode: step % 2 === 0 ? 'strict' : 'weighted',
  });
  const [interactive, batch] = classes;
  if (interactive === undefined || batch === undefined) throw new Error('two classes');
  const middle = { ...batch, name: `middle-${step % 3}`, rank: 2 };
  const orders = [
    [interactive, batch],
    [interactive, middle, batch],
    [
      { ...batch, rank: 0 },
      { ...interactive, rank: 5 },
    ],
    [interactive],
  ];
  const chosen = orders[step % orders.length] ?? [];
  const has = chosen.some(({ name }) => name === 'batch');
  return {
    ...policy,
    classes: chosen,
    ingress: has ? policy.ingress : { ...policy.ingress, rules: [] },
  };
}

function counted(): Record<string, Record<string, { completed: number; inFlight: number; queued: number }>> {
  const numbers = sidecar?.statistics() as Record<string, { classes: Record<string, never> }>;
  return { inbound: numbers['inbound']?.classes ?? {}, outbound: numbers['outbound']?.classes ?? {} };
}

describe('another configuration under load', () => {
  it('is put in place forty times, classes and all, and no request fails', async () => {
    let most = 0;
    let running = 0;
    application = await httpApplication((incoming, response) => {
      const queued = incoming.url !== '/out';
      if (queued) running += 1;
      most = Math.max(most, running);
      setTimeout(() => {
        if (queued) running -= 1;
        const body = Buffer.alloc(incoming.url?.startsWith('/batch') === true ? 100_000 : 200, 'x');
        response.writeHead(200, { 'content-length': body.length }).end(body);
      }, 2);
    });
    const config = configOf(application.port);
    sidecar = await startSidecar(config, { random: seededRandom(1) });
    const ports = { inbound: sidecar.inboundPort ?? 0, outbound: sidecar.outboundPort ?? 0 };
    let turn = 0;
    const inbound = load(24, () => {
      turn += 1;
      return { port: ports.inbound, path: turn % 3 === 0 ? '/batch/1' : '/' };
    });
    const outbound = load(8, () => ({ port: ports.outbound, path: '/out' }));
    loads.push(inbound, outbound);
    for (let step = 0; step < 40; step += 1) {
      const before = inbound.seen.completed;
      await until(() => inbound.seen.completed >= before + 30);
      const endpoints = [{ host: '127.0.0.1', port: application.port, weight: 1 + (step % 2) }];
      const generation = await sidecar.reload({
        ...config,
        policy: variant(step),
        limits: step % 7 === 0 ? { maxIdleConnections: 10 } : {},
        outbound: {
          listen: { host: '127.0.0.1', port: 0 },
          upstreams: { service: { endpoints, link: 'off' } },
        },
      });
      expect(generation).toBe(step + 2);
    }
    await Promise.all([inbound.stop(), outbound.stop()]);
    expect(inbound.seen).toMatchObject({ failed: 0, why: [] });
    expect(outbound.seen).toMatchObject({ failed: 0, why: [] });
    // Whatever took the place of what: never more than the largest of the limits.
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(8);
    expect(sidecar.statistics()['configuration']).toMatchObject({ generation: 41, reloads: 40, refused: 0 });
    await sidecar.reload(config);
    const all = Object.values(counted()['inbound'] ?? {});
    expect(all.every(({ inFlight, queued }) => inFlight === 0 && queued === 0)).toBe(true);
    // Numbers go on by name: what the two classes of the beginning have done is what was not done by those between.
    const completed = all.reduce((sum, one) => sum + one.completed, 0);
    expect(completed).toBeGreaterThan(inbound.seen.completed / 2);
    expect(completed).toBeLessThanOrEqual(inbound.seen.completed);
  });

  it('loses no stream of HTTP/2 either', async () => {
    const server = http2.createServer((_incoming, response) => {
      setTimeout(() => response.end('ok'), 2);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    const config = configOf(typeof address === 'object' && address !== null ? address.port : 0);
    sidecar = await startSidecar(config, { random: seededRandom(1) });
    const session = http2.connect(`http://127.0.0.1:${sidecar.inboundPort ?? 0}`);
    const seen = { completed: 0, failed: [] as string[] };
    let ends = false;
    const stream = () =>
      new Promise<void>((resolve) => {
        const sent = session.request({ ':path': '/batch/1' });
        let status: unknown;
        let body = '';
        sent.on('response', (headers) => {
          status = headers[':status'];
        });
        sent.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        sent.on('error', (error) => seen.failed.push(error.message));
        sent.on('close', () => {
          if (status === 200 && body === 'ok') seen.completed += 1;
          else seen.failed.push(`${String(status)} ${body}`);
          resolve();
        });
      });
    const running = Array.from({ length: 24 }, async () => {
      while (!ends) await stream();
    });
    for (let step = 0; step < 20; step += 1) {
      const before = seen.completed;
      await until(() => seen.completed >= before + 20 || seen.failed.length > 0);
      await sidecar.reload({ ...config, policy: variant(step) });
    }
    ends = true;
    await Promise.all(running);
    expect(seen.failed).toEqual([]);
    expect(seen.completed).toBeGreaterThan(400);
    await sidecar.reload(config);
    expect(counted()['inbound']).toMatchObject({ batch: { inFlight: 0, queued: 0 } });
    session.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it('lets running requests end where they began, and closes what they used afterwards', async () => {
    const held: (() => void)[] = [];
    application = await httpApplication((incoming, response) => {
      if (incoming.url === '/held') held.push(() => response.end('held'));
      else response.end('new');
    });
    const other = await httpApplication((_incoming, response) => response.end('other'));
    const config = configOf(application.port);
    sidecar = await startSidecar(config, { random: seededRandom(1) });
    const inbound = sidecar.inboundPort ?? 0;
    const first = request(inbound, { path: '/held' });
    await until(() => held.length === 1);
    await sidecar.reload({
      ...config,
      policy: testPolicy({ concurrency: 1 }),
      inbound: { ...configOf(other.port).inbound, listen: config.inbound?.listen } as never,
    });
    const second = request(inbound, { path: '/' });
    const queue = () => (sidecar?.statistics() as { inbound: { queue: object } } | undefined)?.inbound.queue;
    await until(() => (queue() as { waiting: number }).waiting === 1);
    // The one that runs holds the only place of the new queue.
    expect(queue()).toMatchObject({ running: 1, waiting: 1, limit: 1 });
    held[0]?.();
    expect((await first).body).toBe('held');
    expect((await second).body).toBe('other');
    expect(queue()).toMatchObject({ running: 0, waiting: 0 });
    await other.close();
  });

  it('is refused entirely where it changes what only a start can change', async () => {
    application = await httpApplication((_incoming, response) => response.end('ok'));
    const config = configOf(application.port);
    sidecar = await startSidecar(config, { random: seededRandom(1) });
    const changes: readonly [Partial<SidecarConfig>, string][] = [
      [{ service: 'another' }, 'service'],
      [
        { outbound: { ...config.outbound, listen: { host: '127.0.0.1', port: 1 } } as never },
        'outbound.listen',
      ],
      [{ tap: { socket: '/tmp/none' } }, 'tap'],
      [{ layers: ['queue', 'broker'] }, 'layers (broker)'],
    ];
    for (const [change, key] of changes) {
      await expect(sidecar.reload({ ...config, ...change })).rejects.toMatchObject({
        code: 'CONFIG_FIXED',
        message: expect.stringContaining(`${key} cannot be changed`),
      });
    }
    expect(sidecar.statistics()['configuration']).toMatchObject({
      generation: 1,
      refused: changes.length,
      lastError: expect.stringContaining('CONFIG_FIXED'),
    });
    expect((await request(sidecar.inboundPort ?? 0)).body).toBe('ok');
  });

  it('is followed by a tap: who listens hears the classes that hold', async () => {
    application = await httpApplication((_incoming, response) => response.end('ok'));
    const folder = await mkdtemp(path.join(tmpdir(), 'priomesh-reload-'));
    const socket = path.join(folder, 'tap.sock');
    const config = configOf(application.port, { tap: { socket } });
    sidecar = await startSidecar(config, { random: seededRandom(1) });
    const listening = new AbortController();
    const { lines } = await readTap(socket, { clock: systemClock, signal: listening.signal });
    const heard = lines[Symbol.asyncIterator]();
    const { classes, ...policy } = config.policy;
    const [interactive, batch] = classes;
    if (interactive === undefined || batch === undefined) throw new Error('two classes');
    for (const order of [
      [interactive, batch],
      [
        { ...batch, rank: 0 },
        { ...interactive, rank: 5 },
      ],
    ]) {
      await sidecar.reload({ ...config, policy: { ...policy, classes: order } });
      await request(sidecar.inboundPort ?? 0, { path: '/batch/1' });
      expect((await heard.next()).value).toMatchObject({ event: 'request', class: 'batch' });
    }
    listening.abort();
    await rm(folder, { recursive: true, force: true });
  });

  it('keeps connections to upstreams about which nothing was changed', async () => {
    const sockets = new Set<unknown>();
    application = await httpApplication((incoming, response) => {
      sockets.add(incoming.socket);
      response.end('ok');
    });
    const config = configOf(application.port);
    sidecar = await startSidecar(config, { random: seededRandom(1) });
    const outbound = sidecar.outboundPort ?? 0;
    const headers = { host: 'service' };
    await request(outbound, { headers });
    await sidecar.reload({ ...config, policy: testPolicy({ capacity: 7 }) });
    await request(outbound, { headers });
    expect(sockets.size).toBe(1);
    await sidecar.reload({ ...config, limits: { connectTimeoutMs: 1234 } });
    await request(outbound, { headers });
    expect(sockets.size).toBe(2);
  });
});
