import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Exec, mustRun, type PriomeshError } from '../../../src/core/index.ts';
import {
  applyPort,
  type PortPlan,
  planBaselinePort,
  planPort,
  recoverJournal,
} from '../../../src/kernel-qos/index.ts';
import { caseStudy, plainKernel, platformOf, portOf } from '../../unit/kernel-qos/fixture.ts';
import { openTwoNodes, printed, standing, type TwoNodes } from './two-nodes.ts';

const RATE_BPS = 20_000_000;
const planOn = (device: string): PortPlan => planPort(caseStudy, plainKernel, portOf(RATE_BPS, device));

let nodes: TwoNodes;
let exec: Exec;
let folder: string;

beforeAll(async () => {
  nodes = await openTwoNodes();
  exec = nodes.a.exec;
});
afterAll(() => nodes.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'priomesh-kernel-'));
});
afterEach(() => rm(folder, { recursive: true }));

const tc = (...words: readonly string[]): Promise<unknown> => mustRun(exec, ['tc', ...words]);

describe('apply, verify, undo', () => {
  test.each([1_000_000, 20_000_000, 1_000_000_000, 10_000_000_000, 1_234_567_890])(
    'at %i bit/s what stands is what was planned, and nothing is left afterwards',
    async (rateBps) => {
      const before = await standing(nodes.a, 'a0');
      for (const plan of [
        planPort(caseStudy, plainKernel, portOf(rateBps, 'a0')),
        planBaselinePort(portOf(rateBps, 'a0')),
      ]) {
        const applied = await applyPort(exec, plan);
        await applied.verify();
        expect(await standing(nodes.a, 'a0')).not.toBe(before);
        await applied.undo();
        await applied.undo();
        expect(await standing(nodes.a, 'a0')).toBe(before);
      }
    },
  );

  test.each([
    ['class', 'change', 'classid', '1:10', 'htb', 'rate', '10mbit', 'ceil', '20mbit'],
    ['class', 'change', 'classid', '1:11', 'htb', 'rate', '990kbit', 'ceil', '5mbit', 'prio', '1'],
    ['class', 'change', 'classid', '1:11', 'htb', 'rate', '990kbit', 'ceil', '20mbit', 'prio', '0'],
    ['qdisc', 'replace', 'parent', '1:11', 'handle', '11:', 'pfifo', 'limit', '7'],
    ['qdisc', 'replace', 'parent', '1:11', 'handle', '99:', 'pfifo', 'limit', '100'],
    ['qdisc', 'del', 'root'],
    ['class', 'add', 'parent', '1:1', 'classid', '1:77', 'htb', 'rate', '1mbit'],
    ['filter', 'del', 'parent', '1:', 'protocol', 'ipv6', 'pref', '11'],
    [
      'filter',
      'add',
      'parent',
      '1:',
      'protocol',
      'ip',
      'pref',
      '5',
      'u32',
      'match',
      'u32',
      '0',
      '0',
      'flowid',
      '1:11',
    ],
  ])('verify names what somebody changed: tc %s %s %s %s %s %s', async (object, verb, ...words) => {
    const applied = await applyPort(exec, planOn('a0'));
    try {
      await applied.verify();
      await tc(object, verb, 'dev', 'a0', ...words);
      await expect(applied.verify()).rejects.toMatchObject({
        code: 'READBACK_MISMATCH',
        message: expect.stringMatching(/planned|missing|not in the plan|no root qdisc/),
      });
    } finally {
      await applied.undo();
    }
  });

  test('verify notices a rule that is missing in the nft table', async () => {
    const platform = platformOf(['htb'], ['nft-egress']);
    const plan = planPort(caseStudy, platform, portOf(RATE_BPS, 'a0'));
    expect(plan.strategy).toBe('htb-nft');
    const applied = await applyPort(exec, plan);
    try {
      await applied.verify();
      await mustRun(exec, ['nft', 'flush', 'table', 'netdev', 'priomesh_a0']);
      await expect(applied.verify()).rejects.toMatchObject({ code: 'READBACK_MISMATCH' });
    } finally {
      await applied.undo();
    }
    expect((await mustRun(exec, ['nft', 'list', 'ruleset'])).stdout.trim()).toBe('');
  });

  test('two ports are applied, verified and undone at the same time', async () => {
    const ports = await Promise.all(['a0', 'a1'].map((device) => applyPort(exec, planOn(device))));
    await Promise.all(ports.map((port) => port.verify()));
    const rows = await Promise.all(ports.map((port) => port.statistics()));
    expect(rows.map((each) => each.map((row) => row.className))).toEqual([
      ['interactive', 'batch', 'unmarked'],
      ['interactive', 'batch', 'unmarked'],
    ]);
    await ports[0]?.undo();
    await ports[1]?.verify();
    await ports[1]?.undo();
  });
});

describe('what stands there already', () => {
  test('a simple qdisc is put back', async () => {
    await tc('qdisc', 'add', 'dev', 'a0', 'root', 'handle', '42:', 'pfifo', 'limit', '77');
    const before = await standing(nodes.a, 'a0');
    const applied = await applyPort(exec, planOn('a0'));
    await applied.verify();
    await applied.undo();
    expect(await standing(nodes.a, 'a0')).toBe(before);
    await tc('qdisc', 'del', 'dev', 'a0', 'root');
  });

  test('a token bucket is put back with the same rate, burst and limit', async () => {
    const bucket = ['tbf', 'rate', '8mbit', 'burst', '10k', 'limit', '90k'];
    await tc('qdisc', 'add', 'dev', 'a0', 'root', 'handle', '42:', ...bucket);
    const before = await standing(nodes.a, 'a0');
    const applied = await applyPort(exec, planOn('a0'));
    await applied.undo();
    expect(await standing(nodes.a, 'a0')).toBe(before);
    await tc('qdisc', 'del', 'dev', 'a0', 'root');
  });

  test('a tree is refused by name and left alone, unless it may be replaced', async () => {
    await tc('qdisc', 'add', 'dev', 'a0', 'root', 'handle', '5:', 'htb', 'default', '1');
    const before = await standing(nodes.a, 'a0');
    const refused = await applyPort(exec, planOn('a0')).catch((error: PriomeshError) => error);
    expect(refused).toMatchObject({ code: 'QDISC_PRESENT', message: expect.stringContaining('htb 5:') });
    expect(await standing(nodes.a, 'a0')).toBe(before);
    const applied = await applyPort(exec, planOn('a0'), { replace: true });
    await applied.verify();
    await applied.undo();
    expect(await standing(nodes.a, 'a0')).not.toContain('htb');
  });
});

describe('when something goes wrong', () => {
  const broken = (): PortPlan => {
    const plan = planOn('a0');
    const impossible = {
      what: 'a class under a parent that does not exist',
      where: 'right1',
      command: ['tc', 'class', 'add', 'dev', 'a0', 'parent', '9:9', 'classid', '9:1', 'htb'],
      undo: ['tc', 'class', 'del', 'dev', 'a0', 'classid', '9:1'],
    } as const;
    return { ...plan, steps: [...plan.steps, impossible] };
  };

  test('a failure in the middle takes back what was done, and its journal', async () => {
    const before = await standing(nodes.a, 'a0');
    const journalFile = join(folder, 'a0.jsonl');
    await expect(applyPort(exec, broken(), { journalFile })).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
    });
    expect(await standing(nodes.a, 'a0')).toBe(before);
    await expect(stat(journalFile)).rejects.toThrow('ENOENT');
  });

  test('an abort takes back what was done', async () => {
    const before = await standing(nodes.a, 'a0');
    const controller = new AbortController();
    let commands = 0;
    const counting: Exec = {
      run(argv, options) {
        commands += 1;
        if (commands === 5) controller.abort();
        return exec.run(argv, options);
      },
    };
    await expect(applyPort(counting, planOn('a0'), { signal: controller.signal })).rejects.toThrow();
    expect(commands).toBeGreaterThan(5);
    expect(await standing(nodes.a, 'a0')).toBe(before);
  });

  test('after kill -9 the journal takes everything back', async () => {
    const before = await standing(nodes.a, 'a0');
    const journalFile = join(folder, 'a0.jsonl');
    const program = join(import.meta.dirname, 'crash-main.ts');
    const child = nodes.a.spawn([process.execPath, program, 'a0', journalFile]);
    const ended = once(child, 'exit');
    await printed(child, 'standing');
    child.kill('SIGKILL');
    await ended;
    expect(await standing(nodes.a, 'a0')).not.toBe(before);
    await expect(applyPort(exec, planOn('a1'), { journalFile })).rejects.toMatchObject({
      code: 'RESULTS_EXIST',
    });
    const lines = (await readFile(journalFile, 'utf8')).trim().split('\n');
    expect(await recoverJournal(exec, journalFile)).toBe(lines.length);
    expect(await standing(nodes.a, 'a0')).toBe(before);
    expect(await recoverJournal(exec, journalFile)).toBe(0);
  });
});
