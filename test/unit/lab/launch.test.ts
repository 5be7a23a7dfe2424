import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { explainEnd, launch, launchCommand } from '../../../src/lab/mininet-launch.ts';
import { requireMininet } from '../../../src/lab/probe.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'priomesh-launch-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

describe('the command', () => {
  test('makes a user namespace for everybody but root', () => {
    expect(launchCommand(true)).not.toContain('--user');
    expect(launchCommand(false)).toEqual(expect.arrayContaining(['--user', '--map-root-user']));
  });

  test('ties unshare to this process and process 1 to unshare', () => {
    const command = launchCommand(false);
    expect(command.slice(0, 4)).toEqual(['setpriv', '--pdeathsig', 'KILL', 'unshare']);
    expect(command).toContain('--kill-child');
  });
});

describe('a laboratory that ends before it stands', () => {
  test.each([
    'unshare: unshare failed: Operation not permitted',
    'unshare: write failed /proc/self/uid_map: Operation not permitted',
    'unshare: cannot change root filesystem propagation: Permission denied',
    'unshare: unshare failed: No space left on device',
  ])('is forbidden: %s', async (line) => {
    const log = path.join(directory, 'lab.log');
    await writeFile(log, `${line}\n`);
    const error = await explainEnd(log, 'it ended');
    expect(error).toMatchObject({ code: 'PLATFORM_FORBIDDEN', fix: expect.stringContaining('sudo') });
    expect(error.message).toContain(line);
  });

  test('is explained by the last line of its log, which is named', async () => {
    const log = path.join(directory, 'lab.log');
    await writeFile(log, 'first\nModuleNotFoundError: mininet\n');
    const error = await explainEnd(log, 'it ended');
    expect(error).toMatchObject({ code: 'LAB_FAILED', message: 'it ended: ModuleNotFoundError: mininet' });
    expect(error.fix).toContain(log);
  });

  test('is explained without a log', async () => {
    const error = await explainEnd(path.join(directory, 'none'), 'it ended');
    expect(error).toMatchObject({ code: 'LAB_FAILED', message: 'it ended' });
  });
});

test('missing programs are named with the Debian packages that bring them', async () => {
  vi.stubEnv('PATH', directory);
  await expect(requireMininet()).rejects.toMatchObject({
    code: 'PLATFORM_MISSING',
    message: expect.stringContaining('mnexec'),
    fix: expect.stringMatching(/apt-get install .*mininet/),
  });
});

test('a log folder that the laboratory would hide is refused', async () => {
  await expect(launch('/run/user/results')).rejects.toMatchObject({ code: 'USAGE' });
});
