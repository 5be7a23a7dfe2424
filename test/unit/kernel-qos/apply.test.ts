import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Exec, ExecResult } from '../../../src/core/index.ts';
import {
  applyPort,
  kernelLayer,
  markLayer,
  planPort,
  probeKernel,
  recoverJournal,
} from '../../../src/kernel-qos/index.ts';
import { caseStudy, plainKernel, platformOf, portOf } from './fixture.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'priomesh-kernel-'));
});
afterEach(() => rm(folder, { recursive: true }));

const plan = planPort(caseStudy, plainKernel, portOf(20_000_000));
const ok = (stdout = ''): ExecResult => ({ exitCode: 0, stdout, stderr: '' });

/** An Exec that keeps what it was asked, and answers as told. */
function scripted(answer: (line: string) => ExecResult | Promise<ExecResult>): {
  exec: Exec;
  lines: string[];
} {
  const lines: string[] = [];
  const exec: Exec = {
    async run(argv) {
      const line = argv.join(' ');
      lines.push(line);
      return answer(line);
    },
  };
  return { exec, lines };
}

const empty = '[{"kind":"noqueue","handle":"0:","root":true,"options":{}}]\n';
const answerShow = (line: string): ExecResult => ok(line.includes('-batch') ? empty : '');

describe('apply', () => {
  test('each step is on disk before it is run', async () => {
    const journalFile = join(folder, 'journal.jsonl');
    const { exec } = scripted(async (line) => {
      if (line.startsWith('tc qdisc add') || line.startsWith('tc class add')) {
        expect(await readFile(journalFile, 'utf8')).toContain(JSON.stringify(line.split(' ')));
      }
      return answerShow(line);
    });
    const applied = await applyPort(exec, plan, { journalFile });
    await applied.undo();
    await expect(readFile(journalFile)).rejects.toThrow('ENOENT');
  });

  test('the undo runs the undos in reverse order, once', async () => {
    const { exec, lines } = scripted(answerShow);
    const applied = await applyPort(exec, plan);
    lines.length = 0;
    await Promise.all([applied.undo(), applied.undo()]);
    expect(lines).toEqual(plan.steps.map((step) => step.undo.join(' ')).toReversed());
  });

  test('a step that is refused is not undone, what came before it is', async () => {
    const { exec, lines } = scripted((line) =>
      line.includes('classid 1:11 htb')
        ? { exitCode: 2, stdout: '', stderr: 'Error: no.' }
        : answerShow(line),
    );
    await expect(applyPort(exec, plan)).rejects.toThrow(/ended with 2: Error: no/);
    const undos = lines.filter((line) => line.includes(' del '));
    expect(undos).toEqual(
      plan.steps
        .slice(0, 4)
        .map((step) => step.undo.join(' '))
        .toReversed(),
    );
  });

  test('what can not be taken back is named, and the journal stays', async () => {
    const journalFile = join(folder, 'journal.jsonl');
    let refusing = true;
    const { exec } = scripted((line) =>
      refusing && line === 'tc qdisc del dev eth0 root handle 1:'
        ? { exitCode: 2, stdout: '', stderr: 'Error: busy.' }
        : answerShow(line),
    );
    const applied = await applyPort(exec, plan, { journalFile });
    await expect(applied.undo()).rejects.toThrow(/root handle 1:`: Error: busy/);
    await expect(recoverJournal(exec, journalFile)).rejects.toThrow(/could not be taken back/);
    refusing = false;
    expect(await recoverJournal(exec, journalFile)).toBe(plan.steps.length);
    expect(await recoverJournal(exec, journalFile)).toBe(0);
  });

  test('a plan that is not served is refused', async () => {
    const nothing = planPort(caseStudy, platformOf([], []), portOf(1e6));
    await expect(applyPort(scripted(answerShow).exec, nothing)).rejects.toMatchObject({
      code: 'PLATFORM_MISSING',
    });
  });
});

describe('recovery', () => {
  test('a line that a crash cut off was never acted upon', async () => {
    const journalFile = join(folder, 'journal.jsonl');
    const intend = (step: number): string =>
      JSON.stringify({ event: 'intend', step, command: ['true'], undo: ['tc', String(step)] });
    await writeFile(
      journalFile,
      `${intend(0)}\n${intend(1)}\n{"event":"refused","step":1}\n${intend(2)}\n{"eve`,
    );
    const { exec, lines } = scripted(() => ok());
    expect(await recoverJournal(exec, journalFile)).toBe(2);
    expect(lines).toEqual(['tc 2', 'tc 0']);
  });

  test('a damaged journal is not acted upon', async () => {
    const journalFile = join(folder, 'journal.jsonl');
    await writeFile(journalFile, 'nonsense\n');
    const { exec, lines } = scripted(() => ok());
    await expect(recoverJournal(exec, journalFile)).rejects.toMatchObject({ code: 'CONFIG_SYNTAX' });
    expect(lines).toEqual([]);
  });
});

describe('probe', () => {
  test('where no namespace may be made it says so, for each way', async () => {
    const { exec } = scripted(() => ({ exitCode: 1, stdout: '', stderr: 'unshare failed: not permitted' }));
    const probe = await probeKernel(exec);
    expect(probe).toMatchObject({ via: 'none', trafficControl: false, qdiscs: [], filters: [] });
    expect(probe.missing).toEqual([
      { name: 'unshare -n', why: 'unshare failed: not permitted' },
      { name: 'unshare -Urn', why: 'unshare failed: not permitted' },
    ]);
  });
});

describe('layers', () => {
  const site = {
    ports: [portOf(20e6)],
    sidecarNodes: ['left1', 'right1'],
    baselineCongestionControl: 'cubic',
  };

  test('the kernel layer plans each port, and is not served without one', () => {
    const layer = kernelLayer.plan(caseStudy, plainKernel, site);
    expect(layer).toMatchObject({ served: true, layer: 'kernel' });
    expect(layer.steps).toEqual(plan.steps);
    expect(kernelLayer.plan(caseStudy, plainKernel, { ...site, ports: [] })).toMatchObject({
      served: false,
      limitations: [{ why: 'this laboratory has no port that could be one' }],
    });
  });

  test('the mark layer names each class and each node', () => {
    const layer = markLayer.plan(caseStudy, plainKernel, site);
    expect(layer.steps.map((step) => step.where)).toEqual(['sidecar', 'sidecar', 'left1', 'right1']);
    expect(layer.limitations).toEqual([]);
  });

  test('the mark layer says what is missing', () => {
    const readOnly = { ...plainKernel, reflectTos: false };
    expect(markLayer.plan(caseStudy, readOnly, site)).toMatchObject({
      served: true,
      limitations: [{ why: '/proc/sys cannot be written here' }],
    });
    const none = markLayer.plan(caseStudy, { ...plainKernel, socketOptions: false }, site);
    expect(none).toMatchObject({ served: false, steps: [] });
  });
});
