import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Sidecar } from '../../../src/sidecar/index.ts';
import {
  type ControlPlaneDouble,
  controlPlaneDouble,
  hintOf,
  hintsOf,
  pathsTo,
} from './control-plane-double.ts';
import { httpApplication, request, sidecarBefore, type TestServer, until } from './harness.ts';
import { MARKS, networkPolicy } from './network-policy.ts';

const LOOPBACK = '127.0.0.1';

let folder: string;
let plane: ControlPlaneDouble | undefined;
let sidecar: Sidecar | undefined;
let application: TestServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-network-'));
});

afterEach(async () => {
  await application?.close();
  await sidecar?.close();
  plane?.kill();
  plane = undefined;
  sidecar = undefined;
  application = undefined;
  await rm(folder, { recursive: true });
});

/** The DSCP of each open TCP socket at a local port, as the kernel has it; ss(8) leaves out what is 0. */
async function marksAt(port: number): Promise<number[]> {
  const filter = ['state', 'established', `sport = :${port}`];
  const { stdout } = await promisify(execFile)('ss', ['-HtnO', '--tos', ...filter]);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number.parseInt(/\btos:0x([0-9a-f]+)/.exec(line)?.[1] ?? '0', 16) >> 2);
}

interface NetworkNumbers {
  readonly stream: { readonly connected: boolean };
  readonly paths: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly peerCount: number;
  readonly moves: number;
  readonly chooser: { readonly moves: Readonly<Record<string, number>> };
  readonly avoidedEndpoints: number;
  readonly lowered: Readonly<Record<string, number>>;
}

const network = (): NetworkNumbers => sidecar?.statistics()['network'] as NetworkNumbers;
const pathsNow = () => network().paths[LOOPBACK];

describe('a sidecar that follows a control plane', () => {
  it('moves a response that is on its way, and new ones, by the mark of their sockets', async () => {
    const held: http.ServerResponse[] = [];
    application = await httpApplication((_request, response) => {
      response.write('x'.repeat(1000));
      held.push(response);
    });
    plane = await controlPlaneDouble(path.join(folder, 'plane.sock'));
    const statistics = { file: path.join(folder, 'statistics.jsonl'), intervalMs: 3_600_000 };
    sidecar = await sidecarBefore(application.port, {
      policy: networkPolicy(['path'], { returnAfterMs: 60_000 }),
      layers: ['queue', 'mark', 'network'],
      controlPlane: { target: plane.target, node: LOOPBACK },
      statistics,
    });
    const port = sidecar.inboundPort ?? 0;
    await until(() => network().stream.connected);
    expect(plane.watchers).toEqual([
      expect.objectContaining({
        service: 'tested',
        node: LOOPBACK,
        endpoint: expect.objectContaining({ host: LOOPBACK, port }),
      }),
    ]);
    plane.tell({ paths: pathsTo(LOOPBACK) });
    await until(() => pathsNow() !== undefined);

    const first = request(port, { path: '/page' });
    await until(() => held.length === 1);
    expect(await marksAt(port)).toEqual([MARKS.interactive]);
    plane.tell(hintsOf({ interactive: 1 }));
    await until(() => pathsNow()?.['interactive'] === 'secondary');
    expect(await marksAt(port)).toEqual([MARKS.interactive2]);
    expect(pathsNow()).toEqual({ interactive: 'secondary', batch: 'primary' });

    held[0]?.end('y');
    expect((await first).body).toHaveLength(1001);
    const second = request(port, { path: '/page' });
    await until(() => held.length === 2);
    expect(await marksAt(port)).toEqual([MARKS.interactive2]);
    held[1]?.end();
    expect((await second).status).toBe(200);

    await sidecar.close();
    const lines = (await readFile(statistics.file, 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as { event: string })).toEqual([
      {
        event: 'move',
        service: 'tested',
        timeMs: expect.any(Number) as number,
        peer: LOOPBACK,
        class: 'interactive',
        from: 'primary',
        to: 'secondary',
        reason: 'congested',
        owner: 'sidecar',
      },
      expect.objectContaining({ event: 'statistics', last: true }),
    ]);
  });

  it('goes on without it, loses no request when it dies, and goes back to the default path', async () => {
    application = await httpApplication((_request, response) => response.end('ok'));
    plane = await controlPlaneDouble(path.join(folder, 'plane.sock'));
    sidecar = await sidecarBefore(application.port, {
      policy: networkPolicy(),
      layers: ['queue', 'mark', 'network'],
      controlPlane: { target: plane.target, node: LOOPBACK },
    });
    const port = sidecar.outboundPort ?? 0;
    const statuses: number[] = [];
    let going = true;
    const callers = Array.from({ length: 4 }, async () => {
      while (going) {
        const { status } = await request(port, { headers: { host: 'service' } });
        statuses.push(status);
      }
    });
    plane.tell({
      snapshot: { epoch: 1, keepaliveMs: 60_000, paths: pathsTo(LOOPBACK), registry: null, hints: null },
    });
    await until(() => pathsNow() !== undefined);
    plane.tell(hintsOf({ interactive: 1 }));
    await until(() => pathsNow()?.['interactive'] === 'secondary');
    plane.kill();
    await until(() => pathsNow()?.['interactive'] === 'primary');
    const before = statuses.length;
    await until(() => statuses.length > before + 20);
    going = false;
    await Promise.all(callers);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(network().chooser.moves).toMatchObject({ congested: 1, 'no-hints': 1 });
    expect(network().stream.connected).toBe(false);
  });

  it('serves where there has never been one', async () => {
    application = await httpApplication((_request, response) => response.end('ok'));
    sidecar = await sidecarBefore(application.port, {
      policy: networkPolicy(),
      layers: ['queue', 'mark', 'network'],
      controlPlane: { target: `unix:${path.join(folder, 'nobody.sock')}`, node: LOOPBACK },
    });
    expect((await request(sidecar.inboundPort ?? 0)).status).toBe(200);
    expect(network()).toMatchObject({ stream: { connected: false }, peerCount: 0, moves: 0 });
  });

  it('is registered and reacts to nothing where the layer is off', async () => {
    application = await httpApplication((_request, response) => response.end('ok'));
    plane = await controlPlaneDouble(path.join(folder, 'plane.sock'));
    sidecar = await sidecarBefore(application.port, {
      policy: networkPolicy(),
      layers: ['queue', 'mark'],
      controlPlane: { target: plane.target, node: LOOPBACK },
    });
    expect((await request(sidecar.inboundPort ?? 0)).status).toBe(200);
    expect(network()).toBeUndefined();
    await until(() => (plane?.watchers.length ?? 0) > 0);
    expect(plane?.watchers[0]?.endpoint?.port).toBe(sidecar.inboundPort);
  });

  it('without the layer mark: unmarked on the default path, and again when it is back on it', async () => {
    const held: http.ServerResponse[] = [];
    application = await httpApplication((_request, response) => {
      response.flushHeaders();
      held.push(response);
    });
    plane = await controlPlaneDouble(path.join(folder, 'plane.sock'));
    sidecar = await sidecarBefore(application.port, {
      policy: networkPolicy(),
      layers: ['queue', 'network'],
      controlPlane: { target: plane.target, node: LOOPBACK },
      endpoints: [{ host: '127.0.0.9', port: application.port }],
    });
    const port = sidecar.inboundPort ?? 0;
    await until(() => network().stream.connected);
    // The connection is older than what is known of its peer, which the sidecar itself never calls.
    const reply = request(port, { path: '/batch/1' });
    await until(() => held.length === 1);
    plane.tell({ paths: pathsTo(LOOPBACK) });
    plane.tell(hintsOf({ batch: 1 }));
    await until(() => pathsNow()?.['batch'] === 'secondary');
    expect(await marksAt(port)).toEqual([MARKS.batch2]);
    plane.tell(hintsOf({}));
    await until(() => pathsNow()?.['batch'] === 'primary');
    expect(await marksAt(port)).toEqual([0]);
    held[0]?.end();
    expect((await reply).status).toBe(200);
  });
});

describe('reactions that need no marks', () => {
  /** One way to each of two hosts, each over a link of its own. */
  const ways = {
    groups: ['127.0.0.1', '127.0.0.2'].map((peer, index) => ({
      peers: [peer],
      paths: [{ id: 'only', links: [`s1>s${index + 2}`] }],
    })),
  };
  const linkOf = (index: number, levels: Readonly<Record<string, number>>) => ({
    hints: { hints: [hintOf(`s1>s${index + 2}`, levels)] },
  });

  it('replica: requests go to the host whose way is calm and that is healthy', async () => {
    const arrived: (string | undefined)[] = [];
    application = await httpApplication((incoming, response) => {
      arrived.push(incoming.socket.localAddress);
      response.end('ok');
    }, '0.0.0.0');
    plane = await controlPlaneDouble(path.join(folder, 'plane.sock'));
    const { port } = application;
    sidecar = await sidecarBefore(port, {
      policy: networkPolicy(),
      layers: ['queue', 'network'],
      controlPlane: { target: plane.target, node: LOOPBACK },
      endpoints: [
        { host: '127.0.0.1', port },
        { host: '127.0.0.2', port },
      ],
    });
    const call = async (times: number): Promise<Set<string | undefined>> => {
      arrived.length = 0;
      for (let sent = 0; sent < times; sent += 1) {
        expect((await request(sidecar?.outboundPort ?? 0, { headers: { host: 'service' } })).status).toBe(
          200,
        );
      }
      return new Set(arrived);
    };
    await until(() => network().stream.connected);
    plane.tell({ paths: ways });
    await until(() => network().peerCount === 2);
    expect(await call(40)).toEqual(new Set(['127.0.0.1', '127.0.0.2']));

    plane.tell(linkOf(0, { interactive: 1 }));
    await until(() => network().avoidedEndpoints === 1);
    expect(await call(20)).toEqual(new Set(['127.0.0.2']));

    const endpoint = { service: 'service', host: '127.0.0.2', port, healthy: false, gone: false };
    plane.tell({ registry: { whole: true, endpoints: [endpoint] } });
    await until(() => network().avoidedEndpoints === 2);
    expect(await call(20)).toEqual(new Set(['127.0.0.1']));

    plane.kill();
    await until(() => network().avoidedEndpoints === 0);
    expect(await call(40)).toEqual(new Set(['127.0.0.1', '127.0.0.2']));
  });

  it('admission: a paused class waits, others go on, and it runs when the pause is over', async () => {
    application = await httpApplication((_request, response) => response.end('ok'));
    plane = await controlPlaneDouble(path.join(folder, 'plane.sock'));
    sidecar = await sidecarBefore(application.port, {
      policy: networkPolicy(['admission'], {}, { concurrency: 4 }),
      layers: ['queue', 'network'],
      controlPlane: { target: plane.target, node: LOOPBACK },
    });
    const port = sidecar.inboundPort ?? 0;
    await until(() => network().stream.connected);
    plane.tell({ paths: ways });
    plane.tell(linkOf(0, { batch: 1 }));
    await until(() => network().lowered['batch'] === 0);
    let done = false;
    const paused = request(port, { path: '/batch/1' }).then((reply) => {
      done = true;
      return reply;
    });
    const waiting = (): number =>
      (sidecar?.statistics() as { inbound: { queue: { waiting: number } } } | undefined)?.inbound.queue
        .waiting ?? 0;
    await until(() => waiting() === 1);
    expect((await request(port, { path: '/page' })).status).toBe(200);
    expect(done).toBe(false);
    plane.tell(linkOf(0, {}));
    expect((await paused).status).toBe(200);
    expect(network().lowered).toEqual({});
  });
});
