import { afterEach, describe, expect, test } from 'vitest';
import { hostExec } from '../../../src/core/index.ts';
import { probeLab } from '../../../src/lab/index.ts';
import { type Inventory, inventory, Runner } from './runner.ts';

/** Runs only where the kernel has no delay of its own. */
const BRIDGE: [string, RegExp, string] = [
  'the delay bridge',
  /^\S*delay_bridge/,
  'the delay bridge of delay ended (signal SIGKILL)',
];
const { netem } = await probeLab(hostExec);

let runner: Runner | undefined;
afterEach(async () => {
  await runner?.dispose();
  runner = undefined;
});

async function opened(kind: 'mininet' | 'local'): Promise<{ runner: Runner; before: Inventory }> {
  runner = await Runner.start(kind);
  const before = await inventory(runner);
  await expect(runner.heard('open')).resolves.toMatchObject({ reached: true });
  return { runner, before };
}

async function expectNothingLeft(one: Runner, before: Inventory): Promise<void> {
  await one.nobodyLeft();
  expect(await inventory(one)).toEqual(before);
}

describe('the mininet laboratory leaves nothing', () => {
  test('after Ctrl-C', async () => {
    const { runner, before } = await opened('mininet');
    runner.child.kill('SIGINT');
    await expect(runner.exited).resolves.toEqual({ exitCode: 130, signal: null });
    await expectNothingLeft(runner, before);
  });

  test('after a crash of the runner', async () => {
    const { runner, before } = await opened('mininet');
    runner.child.kill('SIGUSR2');
    await expect(runner.exited).resolves.toEqual({ exitCode: 1, signal: null });
    await expectNothingLeft(runner, before);
  });

  test('after kill -9 of the runner', async () => {
    const { runner, before } = await opened('mininet');
    runner.child.kill('SIGKILL');
    await runner.exited;
    await expectNothingLeft(runner, before);
  });

  test('after kill -9 of the runner while the network is being built', async () => {
    runner = await Runner.start('mininet');
    const before = await inventory(runner);
    await runner.find(/^ovsdb-server/);
    runner.child.kill('SIGKILL');
    await expectNothingLeft(runner, before);
    expect(runner.said).toEqual([]);
  });

  test.each([
    ['unshare', /^unshare /, 'the process at the root of the laboratory ended'],
    ['lab.py', /^\S*python3 .*lab\.py/, 'the process at the root of the laboratory ended'],
    ['the switches', /^ovs-vswitchd/, 'ovs-vswitchd ended (signal SIGKILL)'],
    ['their database', /^ovsdb-server/, 'ovsdb-server ended (signal SIGKILL)'],
    ...(netem.ok ? [] : [BRIDGE]),
    ["a node's shell", /^bash .*mininet:left1/, 'the shell of node left1 ended (signal SIGKILL)'],
  ])('after kill -9 of %s, which the runner is told', async (_name, pattern, message) => {
    const { runner, before } = await opened('mininet');
    process.kill(await runner.find(pattern), 'SIGKILL');
    const said = await runner.heard('failed');
    expect(said).toMatchObject({ code: 'LAB_FAILED', message });
    expect(said['fix']).toContain(runner.logDirectory);
    await expect(runner.exited).resolves.toEqual({ exitCode: 5, signal: null });
    await expectNothingLeft(runner, before);
  });

  test('after kill -9 of a process of the experiment, which is told as its exit and breaks nothing', async () => {
    const { runner, before } = await opened('mininet');
    process.kill(await runner.find(/sleeper/), 'SIGKILL');
    await expect(runner.heard('sleeper-exited')).resolves.toMatchObject({ signal: 'SIGKILL' });
    runner.child.kill('SIGINT');
    await expect(runner.exited).resolves.toEqual({ exitCode: 130, signal: null });
    expect(runner.said.some(({ event }) => event === 'failed')).toBe(false);
    await expectNothingLeft(runner, before);
  });
});

describe('the local laboratory leaves nothing', () => {
  test.each(['SIGINT', 'SIGUSR2', 'SIGKILL'] as const)('after %s of the runner', async (signal) => {
    const { runner, before } = await opened('local');
    runner.child.kill(signal);
    await runner.exited;
    await expectNothingLeft(runner, before);
  });
});
