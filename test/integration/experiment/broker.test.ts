import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Manifest } from '../../../src/experiment/index.ts';
import { writeSmallExperiment } from '../../support/small-experiment.ts';

const MAIN = path.resolve(import.meta.dirname, '../../../src/cli/main.ts');
const WAIT = { timeout: 120_000, interval: 20 } as const;

let folder = '';
let marker = '';
beforeEach(async () => {
  folder = await writeSmallExperiment({
    of: 'broker',
    arms: ['fifo', 'prefetch-10'],
    trials: 1,
    warmupMs: 500,
    measureMs: 4000,
    maxRetries: 1,
  });
  marker = `PRIOMESH_TEST_RUN=${path.basename(folder)}`;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const out = (...parts: string[]): string => path.join(folder, 'results', ...parts);

function start() {
  const argv = [MAIN, 'run', folder, '--quick', '--out', out()];
  const [name = '', value = ''] = marker.split('=');
  return execa(process.execPath, argv, { reject: false, env: { [name]: value } });
}

/** Processes that carry the run's mark in their environment, with their command lines. */
async function relatives(): Promise<{ pid: number; command: string }[]> {
  const found: { pid: number; command: string }[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (!environment.includes(marker)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    found.push({ pid: Number(pid), command: command.replaceAll('\0', ' ') });
  }
  return found;
}

async function relative(pattern: RegExp): Promise<number> {
  return vi.waitUntil(async () => (await relatives()).find((one) => pattern.test(one.command))?.pid, WAIT);
}

async function manifest(): Promise<Manifest> {
  return JSON.parse(await readFile(out('manifest.json'), 'utf8')) as Manifest;
}

interface DepthLine {
  readonly t_ms: number;
  readonly source: string;
  readonly name: string;
  readonly ready: Record<string, number>;
  readonly unacked: number;
}

async function depths(trial: string): Promise<DepthLine[]> {
  const lines = (await readFile(out(trial, 'counters.jsonl'), 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as DepthLine).filter(({ source }) => source === 'broker');
}

describe('a run with a message broker on mininet', () => {
  it('counts what waits in its queues by priority, and leaves its log and nothing else', async () => {
    const result = await start();
    expect(result.exitCode, result.stderr).toBe(0);
    const { trials, platform, plans } = await manifest();
    expect(trials.map(({ verdict }) => verdict)).toEqual([
      { valid: true, reasons: [] },
      { valid: true, reasons: [] },
    ]);
    expect(platform.rabbitmqVersion).toMatch(/^\d+\.\d+/);
    expect(plans['prefetch-10']).toMatchObject([{ layer: 'broker', served: true }]);
    for (const { arm, folder: trial } of trials) {
      const lines = await depths(trial);
      expect(new Set(lines.map(({ name }) => name))).toEqual(new Set(['jobs']));
      const priorities = arm === 'fifo' ? ['0'] : ['0', '1', '2'];
      for (const { ready } of lines) expect(Object.keys(ready)).toEqual(priorities);
      // The load is more than the workers can do, so something has to wait somewhere.
      const most = lines.map(
        ({ ready, unacked }) => unacked + Object.values(ready).reduce((a, b) => a + b, 0),
      );
      expect(Math.max(...most)).toBeGreaterThan(4);
      expect((await readdir(out(trial))).filter((name) => name.endsWith('.sock'))).toEqual([]);
    }
    expect((await readdir(out('logs/broker'))).filter((name) => ['data', 'home'].includes(name))).toEqual([]);
    const log = await readFile(out('logs/broker/log/rabbitmq.log'), 'utf8');
    for (const { folder: trial } of trials) expect(log).toContain(path.basename(trial));
    expect(await relatives()).toEqual([]);
  });

  it('whose broker is killed has a void trial, repeats it with the broker started again, and goes on', async () => {
    const run = start();
    // Under load: the generator runs.
    await relative(/generator(?:-main\.ts|\.mjs)/);
    process.kill(await relative(/beam\.smp/), 'SIGKILL');
    const result = await run;
    expect(result.exitCode, result.stderr).toBe(0);
    expect(result.stderr).toMatch(/is void: ended before their time: .*broker/);
    const { trials } = await manifest();
    expect(trials.map(({ attempt, verdict }) => [attempt, verdict.valid])).toEqual([
      [0, false],
      [1, true],
      [0, true],
    ]);
    for (const { folder: trial } of trials.slice(1)) expect((await depths(trial)).length).toBeGreaterThan(0);
    expect(await relatives()).toEqual([]);
  });
});
