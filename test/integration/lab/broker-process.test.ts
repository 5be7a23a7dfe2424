import { chmod, copyFile, cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { hostExec } from '../../../src/core/index.ts';
import { inventory, Runner } from './runner.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const HOLDER = 'test/integration/lab/fixtures/broker-holder.ts';
/** An ordinary user when the tests run as root; else they run as one already. */
const AS_USER =
  process.getuid?.() === 0
    ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all']
    : [];

let runner: Runner | undefined;
afterEach(async () => {
  await runner?.dispose();
  runner = undefined;
});

/** Holds it until its runner is killed; then nothing may be left. */
async function expectNothingLeft(one: Runner): Promise<void> {
  const before = await inventory(one);
  const said = await Promise.race([one.heard('open'), one.heard('refused')]);
  expect(said).toMatchObject({ event: 'open', version: expect.stringMatching(/^\d+\.\d+/) });
  const commands = (await one.processes()).map(({ command }) => command);
  expect(commands.filter((command) => /^\S*beam\.smp /.test(command))).toHaveLength(1);
  expect(commands.filter((command) => /^\S*epmd /.test(command))).toEqual([]);
  one.child.kill('SIGKILL');
  await one.nobodyLeft();
  expect(await inventory(one)).toEqual(before);
}

describe('a message broker dies with its runner', () => {
  test.each(['mininet', 'local'] as const)('in the %s laboratory', async (kind) => {
    runner = await Runner.start(kind, [], path.join(ROOT, HOLDER));
    await expectNothingLeft(runner);
  });

  test('that an ordinary user started', async () => {
    // The working copy may stand where that user may not read.
    const copy = await mkdtemp(path.join(os.tmpdir(), 'priomesh-unprivileged-'));
    try {
      await chmod(copy, 0o755);
      for (const part of ['src/core', 'src/lab', 'topologies', HOLDER, 'package.json']) {
        await cp(path.join(ROOT, part), path.join(copy, part), { recursive: true });
      }
      const node = path.join(copy, 'node');
      await copyFile(process.execPath, node);
      await chmod(node, 0o755);
      const [file = 'unshare', ...args] = [...AS_USER, 'unshare', '-Urnm', 'true'];
      const { exitCode } = await hostExec.run([file, ...args]);
      const kind = exitCode === 0 ? 'mininet' : 'local';
      runner = await Runner.start(kind, AS_USER, path.join(copy, HOLDER), node);
      await expectNothingLeft(runner);
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });
});
