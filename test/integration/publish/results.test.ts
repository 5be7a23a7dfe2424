import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { summarySchema } from '../../../src/analysis/index.ts';
import { type Exec, hostExec, mustRun } from '../../../src/core/index.ts';
import { type Published, publishResults } from '../../../src/publish/index.ts';
import { writeSyntheticBrokerResults } from '../../support/synthetic-broker-results.ts';
import { writeSyntheticNetworkResults } from '../../support/synthetic-network-results.ts';
import { writeSyntheticResults } from '../../support/synthetic-results.ts';

interface Output {
  output_type: string;
  text?: string | string[];
  data?: Record<string, unknown>;
}
interface Cell {
  cell_type: string;
  id: string;
  source: string[];
  outputs?: Output[];
}

/** Validates a notebook, runs it in a real kernel in its own folder, and prints it with the new outputs. */
const EXECUTE = `
import json, sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
nbformat.validate(notebook)
for cell in notebook.cells:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": sys.argv[2]}}).execute()
nbformat.validate(notebook)
print(nbformat.writes(notebook))
`;

let folder: string;
let published: Published;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-results-'));
  await writeSyntheticResults(folder, { voidTrial: true, control: true, limited: true });
  published = await publishResults(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function notebookOf(file: string): Promise<Cell[]> {
  return (JSON.parse(await readFile(file, 'utf8')) as { cells: Cell[] }).cells;
}

function printed(cells: readonly Cell[]): Record<string, string> {
  return Object.fromEntries(
    cells
      .filter((cell) => cell.cell_type === 'code')
      .map(({ id, outputs = [] }) => [
        id,
        outputs
          .filter((output) => output.output_type === 'stream')
          .map(({ text = '' }) => (Array.isArray(text) ? text.join('') : text))
          .join(''),
      ]),
  );
}

describe('publishResults', () => {
  it('writes summary, charts, notebook and page, and nothing half', async () => {
    const summary = summarySchema.parse(JSON.parse(await readFile(published.summaryFile, 'utf8')));
    expect(summary).toEqual(published.summary);
    expect(summary.audit).toMatchObject({ trials: 24, void: 1, verdict: 'trusted' });
    expect(summary.arms['mesh']?.trials).toBe(3);
    expect((await readdir(path.join(folder, 'charts'))).sort()).toEqual(
      [
        'ablation',
        'bottleneck-backlog',
        'bottleneck-share',
        'ccdf-batch',
        'ccdf-interactive',
        'slo-attainment',
      ].flatMap((name) => [`${name}.svg`, `${name}.vl.json`]),
    );
    const files = await readdir(folder, { recursive: true });
    expect(files.filter((file) => file.endsWith('.part'))).toEqual([]);
  });

  it('gives the same bytes again', async () => {
    const before = await Promise.all(
      [published.summaryFile, published.notebook, published.page].map((file) => readFile(file, 'utf8')),
    );
    await publishResults(folder);
    const after = await Promise.all(
      [published.summaryFile, published.notebook, published.page].map((file) => readFile(file, 'utf8')),
    );
    expect(after.map((text, index) => text === before[index])).toEqual([true, true, true]);
  });

  it('embeds what the cells really gave: numbers that equal the summary, charts as Vega-Lite and as SVG', async () => {
    const cells = await notebookOf(published.notebook);
    const text = printed(cells);
    expect(text['load']).toContain('void, left out:');
    expect(text['load']).toContain('24 trials, 8 arms, 3 blocks');
    expect(text['arms']).toMatch(/\d{3} numbers recomputed from the raw records; all equal summary\.json/);
    expect(text['ratios']).toMatch(/ratios recomputed; all equal summary\.json/);
    expect(text['ratios']?.match(/^holds /gm)?.length).toBe(
      published.summary.findings.filter(({ verdict }) => verdict === 'holds').length,
    );
    const chart = cells.find((cell) => cell.id === 'chart-ablation')?.outputs?.[0];
    expect(chart?.data?.['application/vnd.vegalite.v6+json']).toMatchObject({
      $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    });
    expect(chart?.data?.['image/svg+xml']).toMatch(/^<svg /);
  });

  it('makes a notebook that is valid and that a real kernel runs to the same outputs', async () => {
    const { stdout } = await mustRun(
      hostExec,
      ['/usr/bin/python3', '-c', EXECUTE, published.notebook, folder],
      {
        timeoutMs: 180_000,
      },
    );
    const executed = (JSON.parse(stdout) as { cells: Cell[] }).cells;
    const ours = await notebookOf(published.notebook);
    expect(printed(executed)).toEqual(printed(ours));
    const bundles = (cells: readonly Cell[]) =>
      cells.flatMap(({ outputs = [] }) =>
        outputs.flatMap(({ data }) => (data === undefined ? [] : Object.keys(data))),
      );
    expect(bundles(executed).sort()).toEqual(bundles(ours).sort());
    const p99 = published.summary.arms['all']?.classes['interactive']?.latencyMs.p99.value ?? Number.NaN;
    expect(printed(executed)['arms']).toMatch(
      new RegExp(`^all +interactive .* ${p99.toFixed(1).replace('.', '\\.')} `, 'm'),
    );
  });

  it('publishes a notebook without outputs where there is no Python, and says so', async () => {
    const without: Exec = {
      run: (argv, options) => hostExec.run(['/nonexistent/python3', ...argv.slice(1)], options),
    };
    const copy = await mkdtemp(path.join(tmpdir(), 'priomesh-no-python-'));
    try {
      await writeSyntheticResults(copy, { arms: ['mesh', 'all'], trials: 2 });
      const { notebook } = await publishResults(copy, { exec: without });
      const cells = await notebookOf(notebook);
      expect(cells[0]?.source.join('')).toContain('no `python3`');
      expect(cells.flatMap(({ outputs = [] }) => outputs)).toEqual([]);
      await mustRun(hostExec, [
        '/usr/bin/python3',
        '-c',
        'import nbformat, sys; nbformat.validate(nbformat.read(sys.argv[1], 4))',
        notebook,
      ]);
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });

  it('stops when the second implementation does not agree', async () => {
    const copy = await mkdtemp(path.join(tmpdir(), 'priomesh-tampered-'));
    try {
      await writeSyntheticResults(copy, { arms: ['mesh', 'all'], trials: 2 });
      const tampering: Exec = {
        async run(argv, options) {
          const file = path.join(copy, 'summary.json');
          const text = await readFile(file, 'utf8');
          await writeFile(
            file,
            text.replace(/"goodputRps": \{\s*"value": ([\d.]+)/, '"goodputRps": { "value": 1$1'),
          );
          return hostExec.run(argv, options);
        },
      };
      await expect(publishResults(copy, { exec: tampering })).rejects.toMatchObject({
        code: 'INTERNAL',
        message: expect.stringMatching(/AssertionError: mesh interactive goodputRps value: recomputed/),
      });
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });

  it('publishes an experiment with a message queue: waits, differences and depths are computed twice as well', async () => {
    const copy = await mkdtemp(path.join(tmpdir(), 'priomesh-queue-'));
    try {
      await writeSyntheticBrokerResults(copy);
      const { summary, notebook } = await publishResults(copy);
      const text = printed(await notebookOf(notebook));
      expect(text['queues']).toMatch(/\d{2,} numbers recomputed from the samples of the broker's queues/);
      expect(text['arms']).toMatch(/^governed +interactive .* 2[0-9]\.\d +2[0-9]\.\d to [23][0-9]\.\d/m);
      const differences = summary.findings.filter(({ kind }) => kind === 'difference');
      expect(differences.length).toBe(2);
      for (const { words, verdict } of differences)
        expect(text['ratios']).toContain(`${verdict.padEnd(10)} ${words}`);
      const charts = await readdir(path.join(copy, 'charts'));
      expect(charts).toEqual(expect.arrayContaining(['queue-trade.svg', 'queue-depth.svg']));
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });

  it.each([
    ['a wait', /"queueWaitMs": \{\s*"p50": \{\s*"value": /, /queueWaitMs.p50 value: recomputed/],
    ['a depth', /"ready": \{\s*"0": \{\s*"value": /, /jobs 0 value: recomputed/],
    ['what was judged', /"kind": "difference",/, /AssertionError: \(\('queueWaitMs.mean'/],
  ])('stops when the second implementation does not agree on %s of a queue', async (_, place, message) => {
    const copy = await mkdtemp(path.join(tmpdir(), 'priomesh-tampered-queue-'));
    try {
      await writeSyntheticBrokerResults(copy, { trials: 2 });
      const tampering: Exec = {
        async run(argv, options) {
          const file = path.join(copy, 'summary.json');
          const text = await readFile(file, 'utf8');
          await writeFile(
            file,
            text.replace(place, (found) => (found.endsWith(',') ? '' : `${found}1`)),
          );
          return hostExec.run(argv, options);
        },
      };
      await expect(publishResults(copy, { exec: tampering })).rejects.toMatchObject({
        code: 'INTERNAL',
        message: expect.stringMatching(message),
      });
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });

  it('is cancelled by its signal', async () => {
    await expect(publishResults(folder, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });

  it('publishes a run of one trial and without ports', async () => {
    const copy = await mkdtemp(path.join(tmpdir(), 'priomesh-single-'));
    try {
      await writeSyntheticResults(copy, { arms: ['mesh', 'all'], trials: 1, lab: 'local' });
      for (const name of await readdir(path.join(copy, 'trials')))
        await rm(path.join(copy, 'trials', name, 'counters.jsonl'));
      const { summary } = await publishResults(copy);
      expect(summary.arms['all']?.classes['batch']?.goodputBps).toMatchObject({ low: null, high: null });
      expect(await readdir(path.join(copy, 'charts'))).not.toContain('bottleneck-backlog.svg');
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });
});

describe('publishResults of an experiment with cross traffic', () => {
  it('judges the episode, draws the timeline, and computes all of it a second time in the notebook', async () => {
    const network = await mkdtemp(path.join(tmpdir(), 'priomesh-network-results-'));
    try {
      await writeSyntheticNetworkResults(network);
      const { summary, notebook, page } = await publishResults(network);
      const told = summary.arms['told']?.classes['interactive']?.episode;
      expect(told?.timeToHintMs?.value).toBeGreaterThan(50);
      expect(told?.timeToHintMs?.value).toBeLessThan(70);
      expect(told?.timeToReliefMs?.value).toBeCloseTo(500, 0);
      expect(told?.moves).toEqual({ value: 1, low: 1, high: 1 });
      const verdicts = summary.findings.map(({ metric, kind, verdict }) => [metric, kind, verdict]);
      expect(verdicts).toEqual([
        ['episode.timeToHintMs', 'value', 'holds'],
        ['episode.timeToReliefMs', 'value', 'holds'],
        ['episode.moves', 'value', 'fails'],
        ['episode.timeToFirstMoveMs', 'value', 'undecided'],
        ['episode.latencyMs.p50', undefined, 'holds'],
      ]);
      expect(summary.findings[3]?.words).toContain('is not known: no trial has it');
      const cells = await notebookOf(notebook);
      expect(printed(cells)['arms']).toMatch(/numbers recomputed from the raw records; all equal/);
      expect(cells.map(({ id }) => id)).toContain('chart-timeline');
      expect(await readFile(page, 'utf8')).toContain('Cross traffic');
    } finally {
      await rm(network, { recursive: true, force: true });
    }
  });
});
