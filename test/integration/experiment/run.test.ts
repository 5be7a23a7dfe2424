import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../src/experiment/index.ts';
import { writeSmallExperiment } from '../../support/small-experiment.ts';

const MAIN = path.resolve(import.meta.dirname, '../../../src/cli/main.ts');

let folder = '';
let marker = '';
beforeEach(async () => {
  folder = await writeSmallExperiment({ arms: ['mesh', 'all'], trials: 2, warmupMs: 200, measureMs: 1000 });
  marker = `PRIOMESH_TEST_RUN=${path.basename(folder)}`;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const out = (): string => path.join(folder, 'results');

function start(...more: string[]) {
  const argv = [MAIN, 'run', folder, '--quick', '--out', out(), ...more];
  const [name = '', value = ''] = marker.split('=');
  return execa(process.execPath, argv, { reject: false, env: { [name]: value } });
}

/** Resolves when the run has said something on standard error. */
async function hasSaid(run: ReturnType<typeof start>, words: string): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    run.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes(words)) resolve();
    });
    run.stderr.on('end', () => reject(new Error(`the run ended without saying "${words}":\n${said}`)));
  });
}

/** Processes that carry the run's mark in their environment: everything that it started, and what that started. */
async function relatives(): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (environment.includes(marker)) {
      found.push(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => pid));
    }
  }
  return found;
}

/** The process of the run with this name, as comm of proc(5) has it. */
async function relativeCalled(name: string): Promise<string | undefined> {
  for (const pid of (await readdir('/proc')).filter((one) => /^\d+$/.test(one))) {
    const comm = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    if (comm.trim() !== name) continue;
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (environment.includes(marker)) return pid;
  }
  return undefined;
}

async function interfaces(): Promise<string> {
  return (await execa('ip', ['-o', 'link'])).stdout.replaceAll(/^(\d+: \S+).*$/gm, '$1');
}

const readJson = async <T>(name: string): Promise<T> =>
  JSON.parse(await readFile(path.join(out(), name), 'utf8')) as T;

/** What identifies a run's set of results: which trials count, and what their generators were told. */
async function resultSet(): Promise<unknown> {
  const manifest = await readJson<Manifest>('manifest.json');
  const valid = manifest.trials.filter((one) => one.verdict.valid);
  return {
    digest: manifest.digest,
    trials: valid.map(({ index, block, arm, folder: own }) => ({ index, block, arm, own })),
    arrivals: await Promise.all(
      valid.map(async (one) => {
        const config = await readJson<{ seed: number }>(path.join(one.folder, 'config/generator.json'));
        return config.seed;
      }),
    ),
  };
}

describe('a run on mininet', () => {
  it('leaves a folder that describes itself, and nothing else', async () => {
    const before = await interfaces();
    const result = await start('--json');
    expect(result.exitCode, result.stderr).toBe(0);
    const said = JSON.parse(String(result.stdout)) as { notebook: string; page: string };
    expect(said.notebook).toBe(path.join(out(), 'notebook.ipynb'));
    expect(said.page).toBe(path.join(out(), 'report.html'));
    const manifest = await readJson<Manifest>('manifest.json');
    expect(manifest.trials.map((one) => one.arm).sort()).toEqual(['all', 'all', 'mesh', 'mesh']);
    expect(manifest.trials.map((one) => one.verdict.valid)).toEqual([true, true, true, true]);
    expect(manifest.endedAt).not.toBeNull();
    expect(Object.keys(manifest.plans['all']?.map((one) => one.layer) ?? [])).toHaveLength(4);
    for (const trial of manifest.trials) {
      expect(manifest.checksums).toHaveProperty([path.join(trial.folder, 'requests.csv.gz')]);
    }
    expect(await relatives()).toEqual([]);
    expect(await interfaces()).toBe(before);

    const again = await start();
    expect(again.exitCode).toBe(0);
    expect(again.stderr).toContain('4 of them done already');
  });

  it('ends on Ctrl-C with 130 and nothing left, and goes on from there', async () => {
    const run = start();
    await hasSaid(run, 'trial 2/4');
    run.kill('SIGINT');
    const result = await run;
    expect(result.exitCode).toBe(130);
    expect(await relatives()).toEqual([]);

    const rest = start();
    await hasSaid(rest, '1 of them done already');
    expect((await rest).exitCode).toBe(0);
    expect(await relatives()).toEqual([]);
  });

  it('says which part of the laboratory broke, and leaves nothing', async () => {
    const run = start();
    await hasSaid(run, 'trial 1/4');
    let switchd: string | undefined;
    await expect
      .poll(async () => {
        switchd = await relativeCalled('ovs-vswitchd');
        return switchd;
      })
      .toBeDefined();
    process.kill(Number(switchd), 'SIGKILL');
    const result = await run;
    expect(result.exitCode, result.stderr).toBe(5);
    expect(result.stderr).toMatch(/priomesh: LAB_FAILED: ovs-vswitchd ended/);
    expect(await relatives()).toEqual([]);
  });

  it('after kill -9 leaves no process, and the resumed run has the results of an undisturbed one', async () => {
    const run = start();
    await hasSaid(run, 'trial 3/4');
    run.kill('SIGKILL');
    await run;
    await expect.poll(relatives, { timeout: 20_000 }).toEqual([]);
    expect((await start()).exitCode).toBe(0);
    const resumed = await resultSet();
    await rm(out(), { recursive: true });
    expect((await start()).exitCode).toBe(0);
    expect(resumed).toEqual(await resultSet());
  });

  it('refuses a folder that holds something else, and touches nothing in it', async () => {
    const result = await execa(
      process.execPath,
      [MAIN, 'run', folder, '--quick', '--lab', 'local', '--out', folder],
      { reject: false },
    );
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toContain('RESULTS_EXIST');
    expect((await readdir(folder)).sort()).toEqual(['application.yaml', 'experiment.yaml', 'policy.yaml']);
  });
});

describe('a run in the local laboratory', () => {
  it('works without any network of its own, says what it cannot do, and marks the results', async () => {
    const result = await start('--lab', 'local');
    expect(result.exitCode, result.stderr).toBe(0);
    expect(result.stderr).toMatch(/arms all: .*instead:/);
    const manifest = await readJson<Manifest>('manifest.json');
    expect(manifest.lab).toBe('local');
    expect(manifest.labLimitations.length).toBeGreaterThan(0);
    expect(await readFile(path.join(out(), 'report.html'), 'utf8')).toContain('local');
    expect(await relatives()).toEqual([]);
  });
});
