import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SidecarConfig } from '../../../../src/config/index.ts';
import { type ControlPlane, startControlPlane } from '../../../../src/control-plane/index.ts';
import { type Policy, seededRandom, silentLogger, systemClock } from '../../../../src/core/index.ts';
import { ControlClient } from '../../../../src/sidecar/control/index.ts';
import { type Sidecar, startSidecar } from '../../../../src/sidecar/index.ts';
import { httpApplication, testPolicy } from '../harness.ts';
import { trafficPolicy } from '../traffic/support.ts';
import { caller, Load, namedApplication, until } from './support.ts';

const MAIN = new URL('../../../../src/sidecar/main.ts', import.meta.url).pathname;
const SERVED = { discovery: { controlPlane: { service: 'shop' } } };

const RETRIES = {
  attempts: 4,
  on: ['connect-failure', 'reset'] as const,
  methods: 'idempotent' as const,
  backOff: { baseMs: 5, maxMs: 20 },
};

let opened: { close(): Promise<void> }[];
let folder: string;
let target: string;

beforeEach(async () => {
  opened = [];
  folder = await mkdtemp(path.join(tmpdir(), 'pm-registry-'));
  target = `unix:${path.join(folder, 'plane.sock')}`;
});

afterEach(async () => {
  for (const one of opened.reverse()) await one.close();
  await rm(folder, { recursive: true, force: true });
});

function keep<One extends { close(): Promise<void> }>(one: One): One {
  opened.push(one);
  return one;
}

async function plane(): Promise<ControlPlane> {
  const config = {
    listen: target,
    services: {},
    keepaliveMs: 300,
    graceMs: 300,
    maxSidecars: 16,
    maxReports: 1,
  };
  return keep(await startControlPlane(config, { clock: systemClock, logger: silentLogger }));
}

async function replicaConfig(name: string): Promise<SidecarConfig> {
  const application = keep(await namedApplication(name));
  return {
    service: 'shop',
    policy: testPolicy(),
    layers: ['queue'],
    baselineCongestionControl: '',
    inbound: {
      listen: { host: '127.0.0.1', port: 0 },
      application: { host: '127.0.0.1', port: application.port },
      ingress: false,
    },
    controlPlane: { target, node: '127.0.0.1' },
  };
}

/** A replica of `shop` that answers with its name, in this process. */
async function replica(name: string): Promise<Sidecar> {
  return keep(await startSidecar(await replicaConfig(name), { random: seededRandom(name.charCodeAt(0)) }));
}

/** One in a process of its own, which can die. */
async function replicaProcess(
  config: SidecarConfig,
): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const file = path.join(folder, `replica-${opened.length}.json`);
  await writeFile(file, JSON.stringify(config));
  const child = spawn(process.execPath, [MAIN, '--config', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  keep({
    close: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  });
  const line = await new Promise<string>((resolve) =>
    child.stdout.once('data', (bytes) => resolve(String(bytes))),
  );
  return { child, port: (JSON.parse(line) as { inboundPort: number }).inboundPort };
}

async function loaded(
  workers: number,
  policy: Policy = testPolicy(),
): Promise<{ readonly load: Load; readonly sidecar: Sidecar }> {
  const sidecar = keep(await caller(SERVED, { policy, controlPlane: { target, node: '127.0.0.1' } }));
  await until(() => known(sidecar) > 0);
  const load = new Load(sidecar.outboundPort ?? 0, workers);
  keep({ close: () => load.stop() });
  return { load, sidecar };
}

const upstream = (sidecar: Sidecar): Record<string, number> =>
  (sidecar.statistics()['upstreams'] as { shop: Record<string, number> }).shop;
const known = (sidecar: Sidecar): number => upstream(sidecar)['endpoints'] ?? 0;

describe('who listens to the control plane', () => {
  it('later than others is told of the registry at once', async () => {
    await plane();
    await replica('a');
    const client = new ControlClient({
      target,
      node: '127.0.0.1',
      service: 'caller',
      clock: systemClock,
      random: seededRandom(1),
      logger: silentLogger,
    });
    keep(client);
    const told: number[] = [];
    const silence = client.listen({ registry: (endpoints) => told.push(endpoints.length) });
    client.start(undefined);
    await until(() => told.at(-1) === 1);
    silence();
    let late = 0;
    client.listen({
      registry: (endpoints) => {
        late = endpoints.length;
      },
    });
    expect(late).toBe(1);
  });
});

describe('endpoints from the registry', () => {
  it('join and go one after the other, again and again, and no request fails', async () => {
    await plane();
    await replica('a');
    const { load, sidecar } = await loaded(4);
    await load.served(['a']);
    for (const name of ['b', 'c', 'd']) {
      const next = await replica(name);
      await load.served(['a', name]);
      await next.close();
      await until(() => known(sidecar) === 1);
      await load.next(8);
      expect(await load.next(40)).toEqual(['a']);
    }
    expect(load.failures).toEqual([]);
  });

  it('get no new request from the moment on at which their sidecar says that it goes, and end those that they have', async () => {
    await plane();
    await replica('a');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let waiting = 0;
    const slow = keep(
      await httpApplication((incoming, response) => {
        incoming.resume();
        waiting += 1;
        void held.then(() => response.end('slow'));
      }),
    );
    const config = await replicaConfig('unused');
    const going = keep(
      await startSidecar(
        {
          ...config,
          inbound: {
            listen: { host: '127.0.0.1', port: 0 },
            application: { host: '127.0.0.1', port: slow.port },
            ingress: false,
          },
          // What it waits for is let go by this test, however slow the machine is.
          limits: { drainTimeoutMs: 120_000 },
        },
        { random: seededRandom(1) },
      ),
    );
    const { load, sidecar } = await loaded(3);
    // Each worker ends up at the slow one sooner or later, unless it is full of them.
    await until(() => waiting > 0);
    const closed = going.close();
    await until(() => (upstream(sidecar)['draining'] ?? 0) === 1);
    // What was on its way when that became known has arrived.
    await load.next(10);
    const before = waiting;
    await load.next(60);
    expect(waiting).toBe(before);
    release();
    await closed;
    await load.next(10);
    expect(load.failures).toEqual([]);
  });

  it('may crash and come back', async () => {
    await plane();
    await replica('a');
    const config = await replicaConfig('b');
    const first = await replicaProcess(config);
    // What is under way at the moment of a crash can only be sent again.
    const { load, sidecar } = await loaded(2, trafficPolicy({ services: { shop: { retries: RETRIES } } }));
    await load.served(['a', 'b'], 20);
    first.child.kill('SIGKILL');
    await until(() => known(sidecar) === 1);
    await load.next(2);
    expect(await load.next(40)).toEqual(['a']);
    await replicaProcess({
      ...config,
      inbound: {
        ...(config.inbound as NonNullable<SidecarConfig['inbound']>),
        listen: { host: '127.0.0.1', port: first.port },
      },
    });
    await load.served(['a', 'b']);
    expect(load.failures).toEqual([]);
  });

  it('stay while the control plane is gone, and when it comes back with nothing in its head', async () => {
    const lost = await plane();
    await replica('a');
    const { load, sidecar } = await loaded(2);
    await replica('b');
    await load.served(['a', 'b']);
    await lost.close();
    await load.served(['a', 'b'], 20);
    expect(known(sidecar)).toBe(2);
    const again = await plane();
    await until(() => (again.statistics()['sidecars'] ?? 0) === 3);
    await load.served(['a', 'b'], 20);
    expect(known(sidecar)).toBe(2);
    expect(load.failures).toEqual([]);
  });
});
