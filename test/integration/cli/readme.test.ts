import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '../../../src/analysis/index.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
/** The system's own programs: what somebody has who has just cloned the repository. */
const PLAIN_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

let clone = '';

/** A copy of what git tracks, as it is in the working tree: a fresh clone, with the changes that are being tested. */
beforeAll(async () => {
  clone = await mkdtemp(path.join(os.tmpdir(), 'priomesh clone '));
  const { stdout } = await execa('git', ['ls-files', '-z'], { cwd: ROOT });
  for (const file of stdout.split('\0').filter((name) => name !== '')) {
    await mkdir(path.dirname(path.join(clone, file)), { recursive: true });
    await cp(path.join(ROOT, file), path.join(clone, file));
  }
}, 60_000);
afterAll(() => rm(clone, { recursive: true, force: true }));

function start(command: string) {
  const [file = '', ...args] = command.split(' ');
  return execa(file, args, {
    cwd: clone,
    reject: false,
    extendEnv: false,
    env: { PATH: PLAIN_PATH, HOME: os.homedir() },
  });
}

async function summaryIn(folder: string): Promise<Summary> {
  return JSON.parse(await readFile(path.join(folder, 'summary.json'), 'utf8')) as Summary;
}

/** Waits until the command has printed the words, then asks it to end. */
async function endAfter(command: string, words: string, signal: NodeJS.Signals): Promise<number | undefined> {
  const run = start(command);
  let said = '';
  const look = (chunk: Buffer): void => {
    const before = said.includes(words);
    said += chunk.toString();
    if (!before && said.includes(words)) run.kill(signal);
  };
  run.stdout.on('data', look);
  run.stderr.on('data', look);
  const { exitCode } = await run;
  expect(said).toContain(words);
  return exitCode;
}

/** What is expected of each command of the README, in its order. */
const COMMANDS: Readonly<Record<string, () => Promise<void>>> = {
  'npm start': async () => {
    // Fewer trials than a reader waits for; nothing else is otherwise.
    const run = await start('npm start -- --trials 2');
    // A busy machine may refute a claim, and says so by its exit code: that is an answer, and no fault of the laboratory.
    expect([0, 7], run.stderr).toContain(run.exitCode);
    const [name = ''] = await readdir(path.join(clone, 'results'));
    const folder = path.join(clone, 'results', name);
    expect(run.stdout).toContain(path.join(folder, 'notebook.ipynb'));
    expect(run.stdout).toContain(path.join(folder, 'report.html'));
    const summary = await summaryIn(folder);
    const wanted = ['direct', 'mesh', 'queue', 'transport', 'kernel', 'all', 'interactive-only'];
    expect(Object.keys(summary.arms)).toEqual(wanted);
    const refuted = summary.findings.filter((one) => one.verdict === 'fails');
    expect(run.exitCode).toBe(refuted.length > 0 ? 7 : 0);
    const ratio = summary.ratios.find(
      (one) => one.metric === 'latencyMs.p99' && one.of === 'mesh' && one.to === 'all',
    );
    expect(ratio?.value).toBeGreaterThan(1);
  },
  'npm test': async () => {
    const { scripts } = JSON.parse(await readFile(path.join(clone, 'package.json'), 'utf8'));
    expect(scripts.test).toBe('scripts/test');
  },
  './priomesh doctor': async () => {
    const run = await start('./priomesh doctor');
    expect(run.exitCode, run.stdout).toBe(0);
    expect(run.stdout).toContain('congestion-control');
  },
  './priomesh plan experiments/case-study --quick': async () => {
    const run = await start('./priomesh plan experiments/case-study --quick');
    expect(run.exitCode, run.stderr).toBe(0);
    expect(run.stdout).toContain('tc class add dev');
    expect(run.stdout).toContain('undo  tc qdisc del dev');
  },
  './priomesh schema policy': async () => {
    const run = await start('./priomesh schema policy');
    expect(JSON.parse(run.stdout).title).toBe('priomesh policy');
  },
  './priomesh run experiments/case-study': async () => {
    const command = './priomesh run experiments/case-study';
    expect(await endAfter(command, 'trial 1/96', 'SIGINT')).toBe(130);
  },
  './priomesh run experiments/case-study --quick --lab local --trials 1 --out results/local': async () => {
    const run = await start(
      './priomesh run experiments/case-study --quick --lab local --trials 1 --out results/local',
    );
    // On loopback nothing is scarce, so the case study's claims need not hold (7), nor need the trials be quiet (6).
    expect([0, 6, 7], run.stderr).toContain(run.exitCode);
    expect((await summaryIn(path.join(clone, 'results/local'))).lab).toBe('local');
  },
  './priomesh run experiments/broker --quick': async () => {
    expect(await endAfter('./priomesh run experiments/broker --quick', 'trial 2/30', 'SIGINT')).toBe(130);
  },
  './priomesh run experiments/reroute --quick': async () => {
    expect(await endAfter('./priomesh run experiments/reroute --quick', 'trial 2/25', 'SIGINT')).toBe(130);
  },
  './priomesh tap --help': async () => {
    const run = await start('./priomesh tap --help');
    expect(run.exitCode, run.stderr).toBe(0);
    expect(run.stdout).toContain('--class');
  },
  './priomesh top --help': async () => {
    const run = await start('./priomesh top --help');
    expect(run.exitCode, run.stderr).toBe(0);
    expect(run.stdout).toContain('--once');
  },
  './priomesh report results/local': async () => {
    const before = await summaryIn(path.join(clone, 'results/local'));
    const run = await start('./priomesh report results/local');
    expect(run.exitCode, run.stderr).toBe(0);
    expect(await summaryIn(path.join(clone, 'results/local'))).toEqual(before);
  },
  './priomesh sidecar --config docs/examples/sidecar.yaml': async () => {
    const command = './priomesh sidecar --config docs/examples/sidecar.yaml';
    expect(await endAfter(command, '"event":"ready"', 'SIGTERM')).toBe(0);
  },
};

/** The commands in the README's shell blocks, in order. */
async function commandsOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8');
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? '');
  return blocks.flatMap((block) => block.trim().split('\n'));
}

describe('README.md, in a fresh clone without node_modules, in a folder with a space in its name', () => {
  it('shows the commands that are tested here, and no others', async () => {
    expect(await commandsOf(path.join(ROOT, 'README.md'))).toEqual(Object.keys(COMMANDS));
  });

  it.each(Object.keys(COMMANDS))('%s', async (command) => COMMANDS[command]?.(), 600_000);
});
