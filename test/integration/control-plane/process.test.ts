import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parseControlPlaneConfig } from '../../../src/config/index.ts';
import { CONTROL_PLANE_MAIN, startControlPlane } from '../../../src/control-plane/index.ts';
import { silentLogger, systemClock } from '../../../src/core/index.ts';
import { eventually, Opened, PlaneProcess, planeConfig, planeInside, sidecar } from './harness.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const opened = new Opened();
afterEach(() => opened.close());

async function outcome(argv: readonly string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, text };
}

describe('the control plane as a process', () => {
  it('says when it serves, ends on SIGTERM with 0, and says what it has done', async () => {
    const plane = await PlaneProcess.start(opened);
    const { told, stream } = sidecar(opened, plane.target);
    await eventually(() => stream.statistics()['connected'] === true);
    plane.signal('SIGTERM');
    expect(await plane.exited).toBe(0);
    await told.until(({ losses }) => losses === 1);
    expect(plane.lines).toMatchObject([
      { event: 'ready', target: plane.target },
      { event: 'end', watches: 1, sidecars: 1 },
    ]);
  });

  it('refuses a wrong configuration with its place, as the verb does', async () => {
    const file = path.join(await opened.folder(), 'wrong.yaml');
    await writeFile(
      file,
      'listen: nowhere\nservices:\n  cart: { endpoints: [{ host: 10.0.0.300, port: 1 }] }\n',
    );
    const main = await outcome([CONTROL_PLANE_MAIN, '--config', file]);
    expect(main).toMatchObject({ code: 3 });
    expect(main.text).toContain(`${file}:1:`);
    const verb = await outcome([path.join(ROOT, 'src/cli/main.ts'), 'control-plane', '--config', file]);
    expect(verb).toMatchObject({ code: 3 });
  });

  it('has a configuration of which only the address must be said', () => {
    const config = parseControlPlaneConfig('listen: unix:/run/plane.sock\n', 'plane.yaml');
    expect(config).toEqual({
      listen: 'unix:/run/plane.sock',
      services: {},
      keepaliveMs: 2000,
      graceMs: 3000,
      maxSidecars: 4096,
      maxReports: 8,
    });
  });
});

describe('where it listens', () => {
  it('is a socket of its owner alone', async () => {
    const { target } = await planeInside(opened);
    expect((await stat(target.slice('unix:'.length))).mode & 0o777).toBe(0o600);
  });

  it('may be a TCP port, and any free one', async () => {
    const { target } = await planeInside(opened, { listen: '127.0.0.1:0' });
    expect(target).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    const { stream } = sidecar(opened, target);
    await eventually(() => stream.statistics()['connected'] === true);
  });

  it.each(['unix', 'tcp'])('is not taken from another that listens there (%s)', async (kind) => {
    const { target } = await planeInside(opened, kind === 'tcp' ? { listen: '127.0.0.1:0' } : {});
    const second = startControlPlane(planeConfig(target), { clock: systemClock, logger: silentLogger });
    await expect(second).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    const { stream } = sidecar(opened, target);
    await eventually(() => stream.statistics()['connected'] === true);
  });
});
