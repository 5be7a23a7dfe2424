import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadPolicy } from '../../../src/config/index.ts';
import { systemClock } from '../../../src/core/index.ts';
import { lockFolder } from '../../../src/experiment/results-folder.ts';
import { writeSmallExperiment } from '../../support/small-experiment.ts';
import { httpApplication, request, type TestServer } from '../sidecar/harness.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const MAIN = path.join(ROOT, 'src/cli/main.ts');

let folder = '';
let application: TestServer;
let lock: AsyncDisposable | undefined;
let started: (PromiseLike<unknown> & { kill(signal: 'SIGKILL'): boolean })[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-top-'));
  application = await httpApplication((_incoming, response) => response.end('ok'));
});

afterEach(async () => {
  for (const one of started) one.kill('SIGKILL');
  await Promise.all(started);
  started = [];
  await lock?.[Symbol.asyncDispose]();
  lock = undefined;
  await application.close();
  await rm(folder, { recursive: true, force: true });
});

/** Starts `priomesh ARGV`; it is ended after the test. */
function priomesh(...argv: string[]) {
  const child = execa(process.execPath, [MAIN, ...argv], { reject: false, cwd: folder });
  started.push(child);
  return child;
}

/** The same on a terminal of its own, whose keyboard is the child's standard input. */
function onTerminal(env: Record<string, string>, ...argv: string[]) {
  const command = `stty cols 110 rows 40; exec ${process.execPath} ${MAIN} ${argv.join(' ')}`;
  const child = execa('script', ['-qec', command, '/dev/null'], { reject: false, cwd: folder, env });
  started.push(child);
  return child;
}

type Child = { readonly stdout: NodeJS.ReadableStream };

/** Resolves with all that a command has written since now, when it holds these words. */
function shows(child: Child, ...words: (string | RegExp)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const plain = stripVTControlCharacters(text);
      if (words.every((one) => plain.search(one) !== -1)) resolve(text);
    });
    child.stdout.on('end', () => reject(new Error(`it ended without showing ${words.join(', ')}:\n${text}`)));
  });
}

/** A results folder that a run seems to write into: this process holds its lock. */
async function runningFolder(): Promise<string> {
  const root = path.join(folder, 'results', 'one');
  await mkdir(root, { recursive: true });
  const policy = await loadPolicy(path.join(ROOT, 'policies/case-study.yaml'));
  const manifest = {
    experiment: { name: 'made-up' },
    formName: 'quick',
    schedule: [{}, {}, {}],
    policy,
    graph: { services: { shop: {} } },
  };
  await writeFile(path.join(root, 'manifest.json'), JSON.stringify(manifest));
  await writeFile(path.join(root, 'journal.jsonl'), '{"kind":"plan","digest":"d"}\n');
  lock = await lockFolder(root);
  return root;
}

/** Begins a trial with one sidecar that runs. */
async function trial(root: string, name: string) {
  const at = path.join(root, 'trials', name);
  await mkdir(path.join(at, 'logs'), { recursive: true });
  await mkdir(path.join(at, 'config'));
  const config = path.join(at, 'config', 'sidecar-shop.json');
  const written = {
    service: 'shop',
    policy: path.join(ROOT, 'policies/case-study.yaml'),
    layers: ['queue'],
    baselineCongestionControl: '',
    inbound: {
      listen: { host: '127.0.0.1', port: 0 },
      application: { host: '127.0.0.1', port: application.port },
      ingress: true,
    },
    outbound: { listen: { host: '127.0.0.1', port: 0 }, upstreams: {} },
    tap: { socket: path.join(folder, `${name}.sock`) },
    statistics: { file: path.join(at, 'sidecar-shop.jsonl'), intervalMs: 100 },
  };
  await writeFile(config, JSON.stringify(written));
  const child = priomesh('sidecar', '--config', config);
  const ready = await new Promise<string>((resolve) =>
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
  );
  const { inboundPort } = JSON.parse(ready) as { inboundPort: number };
  return { at, child, inboundPort, network: path.join(at, 'network.jsonl') };
}

/** Ends a trial as a run does. */
async function endTrial(root: string, { at, child }: Awaited<ReturnType<typeof trial>>): Promise<void> {
  child.kill('SIGTERM');
  await child;
  const entry = { kind: 'trial', folder: path.relative(root, at), verdict: { valid: true, reasons: [] } };
  await appendFile(path.join(root, 'journal.jsonl'), `${JSON.stringify(entry)}\n`);
}

/** Lines as the bridge to the network's controller writes them. */
function networkLines(): string {
  const timeMs = systemClock.nowMs();
  const congestion = { level: 0.93, queueingDelayMs: 21.5, utilization: 0.66, lossRatio: 0.012 };
  const lines = [
    { event: 'hint', timeMs: timeMs - 20, link: 's1>s2', class: 'batch', congested: true, level: 0.93 },
    {
      event: 'move',
      timeMs: timeMs - 10,
      owner: 'controller',
      class: 'batch',
      from: 'primary',
      to: 'secondary',
      reason: 'congested',
    },
    { event: 'links', timeMs, links: [{ link: 's1>s2', utilization: 0.97, classes: { batch: congestion } }] },
  ];
  return lines.map((one) => `${JSON.stringify(one)}\n`).join('');
}

describe('priomesh top', () => {
  it('shows services, links, hints and moves of one trial and then of the next, until the run ends', async () => {
    const root = await runningFolder();
    const first = await trial(root, '000-first-0');
    const top = priomesh('top');
    await shows(top, 'trial 1 of 3  arm first', /shop +interactive/);
    const seen = shows(top, /interactive +[1-9]\d*\.\d +[\d.]+ +[\d.]+ /, /batch +[1-9]?\d*\.[1-9] +[\d.]+ /);
    const load = setInterval(() => {
      void request(first.inboundPort, { path: '/product/7' });
      void request(first.inboundPort, { path: '/export/all' });
    }, 100);
    await seen;
    await appendFile(first.network, networkLines());
    const network = await shows(top, /move +controller +batch/);
    clearInterval(load);
    expect(network).toMatch(/s1>s2 +all +█+ +97 %/);
    expect(network).toMatch(/batch +█+░+ +66 % +█+░ +0\.93 +21\.5 +1\.2 %/);
    expect(network).toMatch(
      /move +controller +batch +primary -> secondary, congested\n.*hint +s1>s2 +batch +congested/,
    );
    expect(network).toMatch(/batch .* secondary\n/);
    const next = shows(top, 'trial 2 of 3  arm second', /shop +interactive/);
    await endTrial(root, first);
    const second = await trial(root, '001-second-0');
    const frame = (await next).split('made-up').at(-1) ?? '';
    expect(frame).not.toMatch(/^s1>s2 /m);
    expect(frame).toMatch(/trial +2 of 3 +- +second/);
    await endTrial(root, second);
    await lock?.[Symbol.asyncDispose]();
    expect(await top).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('the run has ended') });
    expect((await top).stdout).not.toContain('\u001b');
  }, 60_000);

  it('prints one frame with --once, and leaves the taps alone where it is told to', async () => {
    const root = await runningFolder();
    const { child, at } = await trial(root, '002-third-1-again1');
    const { exitCode, stdout } = await priomesh('top', root, '--once', '--no-taps');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/trial 3 of 3 {2}arm third {2}block 2 {2}attempt 2/);
    expect(stdout.match(/made-up/g)).toHaveLength(1);
    child.kill('SIGTERM');
    await child;
    const last = JSON.parse(
      (await readFile(path.join(at, 'sidecar-shop.jsonl'), 'utf8')).trim().split('\n').at(-1) ?? '',
    );
    expect(last).toMatchObject({ tap: { listenersAccepted: 0 } });
  }, 30_000);

  it.each([
    ['q', 'q'],
    ['Ctrl-C', '\u0003'],
  ])(
    'has a terminal for itself and gives it back at %s',
    async (_, key) => {
      const root = await runningFolder();
      await trial(root, '000-first-0');
      const top = onTerminal({}, 'top', root);
      const drawn = await shows(top, 'trial 1 of 3  arm first', /shop +interactive/);
      expect(drawn).toContain('\u001b[?1049h');
      expect(drawn).toContain('\u001b[36minteractive');
      top.stdin.write(key);
      const { exitCode, stdout } = await top;
      expect(exitCode).toBe(0);
      expect(stdout.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
    },
    30_000,
  );

  it('leaves its last frame on the terminal when the run ends, without colours where NO_COLOR is set', async () => {
    const root = await runningFolder();
    const first = await trial(root, '000-first-0');
    const top = onTerminal({ NO_COLOR: '1' }, 'top', root);
    await shows(top, /shop +interactive/);
    await endTrial(root, first);
    await lock?.[Symbol.asyncDispose]();
    const { exitCode, stdout } = await top;
    expect(exitCode).toBe(0);
    const [drawn = '', left = ''] = stdout.split('\u001b[?1049l');
    for (const colour of ['1', '2', '31', '36']) expect(drawn).not.toContain(`\u001b[${colour}m`);
    expect(left).toContain('made-up  quick');
    expect(left).toContain('the run has ended');
  }, 30_000);

  it('is refused where nothing runs, with one clear error', async () => {
    await mkdir(path.join(folder, 'results', 'old'), { recursive: true });
    for (const argv of [['top'], ['top', 'results/old'], ['top', 'nowhere'], ['top', MAIN]]) {
      const { exitCode, stderr, stdout } = await priomesh(...argv);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/^priomesh: NO_RUN: .*\n {2}fix: /);
      expect(exitCode).toBe(2);
    }
  });
});

describe('priomesh top of a run', () => {
  it('shows each of its trials', async () => {
    const experiment = await writeSmallExperiment({
      arms: ['mesh'],
      trials: 2,
      warmupMs: 500,
      measureMs: 4000,
    });
    const out = path.join(folder, 'results', 'real');
    const run = priomesh('run', experiment, '--quick', '--lab', 'local', '--out', out);
    await new Promise<void>((resolve) =>
      run.stderr.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('laboratory')) resolve();
      }),
    );
    const [ran, shown] = await Promise.all([run, priomesh('top')]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(shown.exitCode, shown.stderr).toBe(0);
    expect(shown.stdout).toMatch(/trial 1 of 2 +arm mesh/);
    expect(shown.stdout).toMatch(/trial 2 of 2 +arm mesh/);
    expect(shown.stdout).toMatch(/frontend +interactive +[1-9]\d*\.\d +[\d.]+ +[\d.]+ /);
    await rm(experiment, { recursive: true, force: true });
  }, 120_000);
});
