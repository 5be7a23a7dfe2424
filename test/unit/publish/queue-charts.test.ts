import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Summary, summarize } from '../../../src/analysis/index.ts';
import { allCharts, type Chart, type ChartSource, renderSvg } from '../../../src/publish/charts/index.ts';
import { spreadLabels } from '../../../src/publish/charts/spread-labels.ts';
import { type Manifest, prefetchOf, readManifest, windowOf } from '../../../src/publish/manifest.ts';
import { pageDocument } from '../../../src/publish/page.ts';
import { claimList, classTable } from '../../../src/publish/page-tables.ts';
import { armLooks } from '../../../src/publish/palette.ts';
import { summaryInput } from '../../../src/publish/summary-input.ts';
import { readTrials, type TrialSet } from '../../../src/publish/trials.ts';
import { writeSyntheticBrokerResults } from '../../support/synthetic-broker-results.ts';

let folder: string;
let manifest: Manifest;
let trials: TrialSet;
let summary: Summary;
let source: ChartSource;
let charts: Chart[];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-queue-charts-'));
  await writeSyntheticBrokerResults(folder);
  manifest = await readManifest(folder);
  trials = await readTrials(folder);
  summary = summarize(summaryInput(manifest, trials, {}));
  source = {
    summary,
    classes: [
      { name: 'interactive', brokerPriority: 2 },
      { name: 'batch', brokerPriority: 1 },
    ],
    trials: trials.trials,
    looks: armLooks(
      summary,
      () => false,
      (arm) => prefetchOf(manifest, arm) === 'governed',
    ),
    window: windowOf(manifest),
    rateBps: 50_000_000,
    timeoutMs: () => 60_000,
  };
  charts = allCharts(source);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function named(name: string): Chart {
  const chart = charts.find((one) => one.name === name);
  if (chart === undefined) throw new Error(`no chart ${name}`);
  return chart;
}

describe('the figures of an experiment with a message queue', () => {
  it('begin with the trade and the depths, without the idle link', () => {
    expect(charts.map(({ name }) => name)).toEqual([
      'queue-trade',
      'queue-depth',
      'ablation',
      'ccdf-interactive',
      'ccdf-batch',
      'slo-attainment',
    ]);
    for (const { title, caption, alt } of charts) {
      for (const text of [title, caption, alt]) expect(text).not.toMatch(/undefined|NaN|null/);
    }
  });

  it('show the link where it is busy', () => {
    const busy = allCharts({ ...source, rateBps: 400_000 });
    expect(busy.map(({ name }) => name)).toContain('bottleneck-share');
  });

  it('are specifications that the schema of Vega-Lite allows, and fit the page', async () => {
    const require = createRequire(import.meta.url);
    const schema = JSON.parse(
      await readFile(require.resolve('vega-lite/vega-lite-schema.json'), 'utf8'),
    ) as object;
    const validate = new Ajv({ strict: false, allowUnionTypes: true, validateFormats: false }).compile(
      schema,
    );
    for (const chart of charts.slice(0, 3)) {
      for (const [room, most] of [
        ['wide', 720],
        ['narrow', 360],
      ] as const) {
        const spec = JSON.parse(JSON.stringify(chart.spec(room))) as unknown;
        expect(validate(spec), `${chart.name} ${room}: ${JSON.stringify(validate.errors?.slice(0, 3))}`).toBe(
          true,
        );
        const svg = await renderSvg(chart.spec(room), 'page');
        const width = Number(/<svg[^>]* width="([\d.]+)"/.exec(svg)?.[1]);
        expect(width, `${chart.name} ${room}`).toBeLessThanOrEqual(most);
        expect(svg).not.toMatch(/NaN|undefined/);
      }
    }
  });

  it('give each arm one point a class, of the waits and throughputs of the summary', () => {
    const panels = named('queue-trade').spec('wide')['hconcat'] as {
      data: { values: { arm: string; waitMs: number; rps: number; waitLow: number }[] };
    }[];
    expect(panels.length).toBe(2);
    const [interactive, batch] = panels.map(({ data }) => data.values);
    expect(interactive?.map(({ arm }) => arm)).toEqual(
      Object.keys(summary.arms).filter((arm) => arm !== 'governed-control'),
    );
    const governed = summary.arms['governed']?.classes;
    expect(interactive?.at(-1)).toMatchObject({
      waitMs: governed?.['interactive']?.queueWaitMs?.mean.value,
      waitLow: governed?.['interactive']?.queueWaitMs?.mean.low,
      rps: governed?.['batch']?.throughputRps?.value,
    });
    expect(batch?.at(-1)?.waitMs).toBe(governed?.['batch']?.queueWaitMs?.mean.value);
    expect(named('queue-trade').alt).toMatch(/governed waits 2\d(\.\d)? ms at 9\d(\.\d)? batch requests\/s/);
  });

  it('draw the queue that holds most, its priorities by the names of their classes', () => {
    const { caption, alt } = named('queue-depth');
    const { data } = named('queue-depth').spec('wide') as {
      data: { values: { arm: string; series: string; timeS: number; messages: number }[] };
    };
    expect(caption).toContain('queue `jobs`');
    expect([...new Set(data.values.map(({ series }) => series))]).toEqual([
      'with consumers',
      'waiting, batch',
      'waiting, interactive',
    ]);
    const held = (arm: string, series: string) =>
      Math.max(
        ...data.values
          .filter((row) => row.arm === arm && row.series === series)
          .map(({ messages }) => messages),
      );
    expect(held('prefetch-50', 'with consumers')).toBe(50);
    expect(held('prefetch-1', 'waiting, batch')).toBeGreaterThan(500);
    expect(Math.max(...data.values.map(({ timeS }) => timeS))).toBe(8);
    expect(alt).toMatch(/governed 6 with consumers, \d+(\.\d+)? waiting, batch/);
  });

  it('give the governed arm the colour of all layers, and the others their own', () => {
    const colours = [...source.looks.values()].map(({ colour }) => colour);
    expect(new Set(colours).size).toBe(colours.length);
    expect(source.looks.get('governed')?.dash).toEqual([1, 0]);
  });
});

describe('the tables', () => {
  it('tell waits and throughputs instead of bytes', () => {
    const table = classTable(summary, 'batch');
    expect(table).toContain('queue wait<span>mean, ms</span>');
    expect(table).toContain('throughput<span>requests/s</span>');
    expect(table).not.toContain('Mbit/s');
    expect(claimList(summary)).toMatch(/less that of <code>prefetch-1<\/code> is [\d.]+ ms \[/);
  });
});

describe('the page', () => {
  it('says which prefetch an arm has', async () => {
    const page = await pageDocument({ summary, manifest, charts: [] });
    expect(page).toContain(
      "depths read every 250 ms; prefetch: <code>fifo</code> the client's own, <code>prefetch-1</code> 1,",
    );
    expect(page).toContain('<code>unlimited</code> unlimited, <code>governed</code> governed</dd>');
  });
});

describe('spreadLabels', () => {
  it('keeps names of a few points apart and within the frame', () => {
    const frame = { width: 285, height: 300 };
    const point = fc.record({
      x: fc.double({ min: 20, max: 265, noNaN: true }),
      y: fc.double({ min: 20, max: 280, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(point, { maxLength: 6 }), (points) => {
        const names = spreadLabels(
          points.map(({ x, y }, index) => ({
            text: `prefetch-${index}`,
            x,
            y,
            marks: [{ left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 }],
          })),
          frame,
        );
        expect(names.map(({ text }) => text)).toEqual(points.map((_, index) => `prefetch-${index}`));
        for (const [index, one] of names.entries()) {
          expect(one.y).toBeGreaterThanOrEqual(7);
          expect(one.y).toBeLessThanOrEqual(293);
          for (const other of names.slice(index + 1)) {
            const left = ({ x, align }: typeof one) => (align === 'left' ? x : x - 74);
            expect(
              Math.abs(one.y - other.y) >= 15 || Math.abs(left(one) - left(other)) >= 74,
              `${JSON.stringify(one)} and ${JSON.stringify(other)}`,
            ).toBe(true);
          }
        }
      }),
    );
  });
});
