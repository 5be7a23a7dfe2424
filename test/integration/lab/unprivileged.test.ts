import { chmod, copyFile, cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { hostExec } from '../../../src/core/index.ts';
import { inventory, Runner } from './runner.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** An ordinary user when the tests run as root; else they run as one already. */
const AS_USER =
  process.getuid?.() === 0
    ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all']
    : [];

let copy = '';
let allowed = false;
let runner: Runner | undefined;

beforeAll(async () => {
  // The working copy may stand where that user may not read.
  copy = await mkdtemp(path.join(os.tmpdir(), 'priomesh-unprivileged-'));
  await chmod(copy, 0o755);
  for (const part of ['src/core', 'src/lab', 'topologies', 'test/integration/lab/fixtures', 'package.json']) {
    await cp(path.join(ROOT, part), path.join(copy, part), { recursive: true });
  }
  await copyFile(process.execPath, path.join(copy, 'node'));
  await chmod(path.join(copy, 'node'), 0o755);
  const [file = 'unshare', ...args] = [...AS_USER, 'unshare', '-Urnm', 'true'];
  allowed = (await hostExec.run([file, ...args])).exitCode === 0;
});
afterEach(async () => {
  await runner?.dispose();
  runner = undefined;
});
afterAll(() => rm(copy, { recursive: true, force: true }));

function start(prefix: readonly string[]): Promise<Runner> {
  const holder = path.join(copy, 'test/integration/lab/fixtures/holder.ts');
  return Runner.start('mininet', prefix, holder, path.join(copy, 'node'));
}

describe('an ordinary user', () => {
  test('gets a laboratory, or is told to use sudo', async () => {
    runner = await start(AS_USER);
    if (!allowed) {
      const refused = await runner.heard('refused');
      expect(refused).toMatchObject({ code: 'PLATFORM_FORBIDDEN', fix: expect.stringContaining('sudo') });
      return;
    }
    const before = await inventory(runner);
    await expect(runner.heard('open')).resolves.toMatchObject({ reached: true });
    runner.child.kill('SIGKILL');
    await runner.nobodyLeft();
    expect(await inventory(runner)).toEqual(before);
  });

  test('whose laboratory loses its root process is told, and nothing is left', async () => {
    runner = await start(AS_USER);
    const said = await Promise.race([runner.heard('open'), runner.heard('refused')]);
    expect(said.event).toBe(allowed ? 'open' : 'refused');
    if (!allowed) return;
    process.kill(await runner.find(/^unshare /), 'SIGKILL');
    await expect(runner.heard('failed')).resolves.toMatchObject({ code: 'LAB_FAILED' });
    await runner.nobodyLeft();
  });

  test('who may make no namespaces is told to use sudo', async () => {
    const forbid = 'echo 0 > /proc/sys/user/max_net_namespaces; exec "$0" "$@"';
    // Limits of a user namespace of its own: they hold for this process tree alone.
    runner = await start(allowed ? [...AS_USER, 'unshare', '-Ur', 'sh', '-c', forbid] : AS_USER);
    const refused = await runner.heard('refused');
    expect(refused).toMatchObject({ code: 'PLATFORM_FORBIDDEN', fix: expect.stringContaining('sudo') });
    await runner.nobodyLeft();
  });
});
