import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Summary, summarize } from '../../../src/analysis/index.ts';
import type { Exec } from '../../../src/core/index.ts';
import { PriomeshError } from '../../../src/core/index.ts';
import { evidenceOf } from '../../../src/publish/evidence.ts';
import { escapeHtml, prose } from '../../../src/publish/html.ts';
import { type Manifest, readManifest } from '../../../src/publish/manifest.ts';
import { draftCells, notebookDocument } from '../../../src/publish/notebook.ts';
import { notesOf } from '../../../src/publish/notes.ts';
import { pageDocument } from '../../../src/publish/page.ts';
import { runCells } from '../../../src/publish/run-cells.ts';
import { summaryInput } from '../../../src/publish/summary-input.ts';
import { readTrials } from '../../../src/publish/trials.ts';
import { writeSyntheticResults } from '../../support/synthetic-results.ts';

let folder: string;
let manifest: Manifest;
let summary: Summary;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-documents-'));
  await writeSyntheticResults(folder, { control: true, limited: true, voidTrial: true, lab: 'local' });
  manifest = await readManifest(folder);
  const trials = await readTrials(folder);
  summary = summarize(summaryInput(manifest, trials, evidenceOf(trials)));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('html', () => {
  it('escapes, and marks code', () => {
    expect(escapeHtml('<a b="c">&')).toBe('&lt;a b=&quot;c&quot;&gt;&amp;');
    expect(prose('arm `<mesh>` here')).toBe('arm <code>&lt;mesh&gt;</code> here');
  });
});

describe('notesOf', () => {
  it('names the laboratory, degraded layers and void trials', () => {
    const notes = notesOf(summary);
    expect(notes).toContain('Local laboratory');
    expect(notes).toContain('Degraded: layer transport in transport, all');
    expect(notes).toContain('1 void trial left out.');
  });

  it('says nothing of a whole run', () => {
    const whole: Summary = {
      ...summary,
      lab: 'mininet',
      limitations: [],
      audit: { verdict: 'trusted', trials: 3, void: 0, reasons: [], laboratory: [] },
    };
    expect(notesOf(whole)).toBe('');
    expect(notesOf({ ...whole, audit: { ...whole.audit, laboratory: ['no delay'] } })).toContain(
      'laboratory was not whole',
    );
    expect(notesOf({ ...whole, audit: { ...whole.audit, verdict: 'untrusted' } })).toContain(
      'does not trust',
    );
  });
});

describe('evidenceOf', () => {
  it('tells what waited at the port', () => {
    expect(summary.words.points.find((point) => point.startsWith('`kernel`'))).toContain(
      '90 kB of batch were seen waiting',
    );
  });
});

describe('evidenceOf a sidecar', () => {
  it('tells how long requests waited and what the sockets ran on, from the last line of each sidecar', () => {
    const line = (name: string, p99: number, shed: number) => ({
      timeMs: 1,
      source: 'sidecar',
      name,
      classes: [],
      raw: {
        inbound: {
          classes: {
            interactive: {
              shed: 0,
              expired: 0,
              queueWaitUs: { p99, max: p99 },
              transport: { congestionControl: 'bbr' },
            },
            batch: {
              shed,
              expired: 1,
              queueWaitUs: { p99: 2 * p99, max: 1 },
              transport: { congestionControl: null },
            },
          },
        },
      },
    });
    const counters = [
      line('frontend', 90_000, 9),
      line('frontend', 1500, 2),
      line('catalog', 500, 0),
      { ...line('odd', 1, 1), raw: {} },
    ];
    const trial = { arm: 'queue', block: 0, folder: '', requests: [], throughput: [], counters };
    expect(evidenceOf({ trials: [trial], void: [] })['queue']).toEqual([
      'In the sidecar with the longest waits the p99 of the time in the request queue was 1.5 ms for interactive and 3 ms for batch; 4 requests a trial were shed or expired there.',
      "Congestion control seen on the sidecars' sockets: bbr for interactive.",
    ]);
  });
});

describe('evidenceOf a governed prefetch', () => {
  it('tells how large it was, and which queues have no priorities', () => {
    const line = (timeMs: number, brokerWindow: number, kept: number, queues = ['jobs']) => ({
      timeMs,
      source: 'sidecar',
      name: 'worker',
      classes: [],
      raw: {
        broker: {
          declares: { prioritized: 0, kept, passed: 0 },
          prefetch: queues.map((queue) => ({ queue, brokerWindow, clientWindow: 4, phase: 'steady' })),
        },
      },
    });
    const trial = {
      ...{ arm: 'governed', folder: '', requests: [], throughput: [] },
      counters: [line(-500, 64, 0), line(0, 8, 1), line(500, 12, 2), line(1000, 0, 2, [])],
    };
    const trials = [0, 1].map((block) => ({ ...trial, block }));
    expect(evidenceOf({ trials, void: [] })['governed']).toEqual([
      'The governed prefetch of a consumer of `jobs` was 10 on average (8 to 12), of which its client was given 4 at once (4 to 4).',
      '2 declarations a trial were left without priorities, because the queue was there with other arguments.',
    ]);
  });
});

describe('pageDocument', () => {
  it('escapes what comes from files', async () => {
    const page = await pageDocument({
      summary: { ...summary, title: '<script>alert(1)</script>' },
      manifest: { ...manifest, experiment: { ...manifest.experiment, claim: '<img src=x>' } },
      charts: [],
    });
    expect(page).not.toContain('<script');
    expect(page).not.toContain('<img');
    expect(page).toContain('&lt;script&gt;');
  });

  it('carries every verdict with a word and a sign', async () => {
    const [first] = summary.findings;
    if (first === undefined) throw new Error('no finding');
    const findings = (['holds', 'fails', 'undecided'] as const).map((verdict) => ({ ...first, verdict }));
    const page = await pageDocument({ summary: { ...summary, findings }, manifest, charts: [] });
    for (const text of ['✓ holds', '✗ fails', '? cannot tell']) expect(page).toContain(text);
  });
});

describe('notebookDocument', () => {
  it('says when no cell was run', () => {
    const cells = draftCells(summary, 'A claim.', [], '');
    const document = notebookDocument(cells, undefined) as {
      cells: { cell_type: string; source: string[]; outputs?: unknown[]; execution_count?: number | null }[];
    };
    expect(document.cells[0]?.source.join('')).toContain('no `python3`');
    const code = document.cells.filter((cell) => cell.cell_type === 'code');
    expect(code.length).toBeGreaterThan(3);
    for (const cell of code) expect(cell).toMatchObject({ outputs: [], execution_count: null });
  });

  it('gives outputs to the code cells in order', () => {
    const cells = draftCells(summary, 'A claim.', [], '');
    const output = { output_type: 'stream', name: 'stdout', text: 'hello' };
    const document = notebookDocument(cells, { pythonVersion: '3.11.2', outputs: [[], [output]] }) as {
      cells: { cell_type: string; id: string; outputs?: unknown[]; execution_count?: number | null }[];
    };
    const code = document.cells.filter((cell) => cell.cell_type === 'code');
    expect(code[1]).toMatchObject({ execution_count: 2, outputs: [output] });
    expect(code[2]).toMatchObject({ execution_count: null, outputs: [] });
    expect(new Set(document.cells.map(({ id }) => id)).size).toBe(document.cells.length);
  });
});

describe('runCells', () => {
  const missing: Exec = {
    run: () => Promise.reject(new PriomeshError('COMMAND_FAILED', 'python3: not found')),
  };

  it('gives nothing where there is no Python', async () => {
    expect(await runCells(missing, folder, ['print(1)'])).toBeUndefined();
  });

  it('does not take a cancelled start for a missing Python', async () => {
    await expect(runCells(missing, folder, [], AbortSignal.abort())).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });

  it('refuses an answer that is none', async () => {
    const babbling: Exec = { run: () => Promise.resolve({ exitCode: 0, stdout: 'hm', stderr: '' }) };
    await expect(runCells(babbling, folder, ['print(1)'])).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });
});
