import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Sidecar } from '../../../src/sidecar/index.ts';
import { type ControlPlaneDouble, controlPlaneDouble, hintsOf, pathsTo } from './control-plane-double.ts';
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

/** The DSCP of each open TCP socket at a local port, as the kernel has it. */
async function marksAt(port: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ss', [
    '-Htn',
    '--tos',
    'state',
    'established',
    `sport = :${port}`,
  ]);
  return [...stdout.matchAll(/\btos:0x([0-9a-f]+)/g)].map(([, hex]) => Number.parseInt(hex ?? '', 16) >> 2);
}

interface NetworkNumbers {
  readonly stream: { readonly connected: boolean };
  readonly paths: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly moves: number;
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
        endpoint: { host: LOOPBACK, port },
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
});
