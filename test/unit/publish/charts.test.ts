import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { summarize } from '../../../src/analysis/index.ts';
import { logTicks } from '../../../src/publish/charts/axis.ts';
import { allCharts, type Chart, inlineSvg, renderSvg } from '../../../src/publish/charts/index.ts';
import { placeLabels } from '../../../src/publish/charts/labels.ts';
import { textWidth } from '../../../src/publish/charts/text-width.ts';
import { readManifest, windowOf } from '../../../src/publish/manifest.ts';
import { armLooks } from '../../../src/publish/palette.ts';
import { summaryInput } from '../../../src/publish/summary-input.ts';
import { readTrials } from '../../../src/publish/trials.ts';
import { writeSyntheticResults } from '../../support/synthetic-results.ts';

let folder: string;
let charts: Chart[];
let looks: ReturnType<typeof armLooks>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-charts-'));
  await writeSyntheticResults(folder, { control: true });
  const manifest = await readManifest(folder);
  const { trials } = await readTrials(folder);
  const summary = summarize(summaryInput(manifest, { trials, void: [] }, {}));
  looks = armLooks(summary, (arm) => arm === 'interactive-only');
  charts = allCharts({
    summary,
    classes: [{ name: 'interactive', latencyMs: 50 }, { name: 'batch' }],
    trials,
    looks,
    window: windowOf(manifest),
    rateBps: 20_000_000,
    timeoutMs: () => 20_000,
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('allCharts', () => {
  it('draws the figures of the case study', () => {
    expect(charts.map(({ name }) => name)).toEqual([
      'ablation',
      'ccdf-interactive',
      'ccdf-batch',
      'slo-attainment',
      'bottleneck-share',
      'bottleneck-backlog',
    ]);
    for (const { title, caption, alt } of charts) {
      for (const text of [title, caption, alt]) expect(text).not.toMatch(/undefined|NaN|null/);
      expect(alt).toMatch(/mesh [\w ]*\d/);
    }
  });

  it('writes specifications that the schema of Vega-Lite allows', async () => {
    const require = createRequire(import.meta.url);
    const schema = JSON.parse(
      await readFile(require.resolve('vega-lite/vega-lite-schema.json'), 'utf8'),
    ) as object;
    const ajv = new Ajv({ strict: false, allowUnionTypes: true, validateFormats: false });
    const validate = ajv.compile(schema);
    for (const chart of charts) {
      for (const room of ['wide', 'narrow'] as const) {
        const spec = JSON.parse(JSON.stringify(chart.spec(room))) as unknown;
        expect(
          validate(spec),
          `${chart.name} ${room}: ${ajv.errorsText(validate.errors).slice(0, 400)}`,
        ).toBe(true);
      }
    }
  });

  it('fits the column of a page and of a telephone without being shrunk', async () => {
    for (const chart of charts) {
      for (const [room, most] of [
        ['wide', 720],
        ['narrow', 360],
      ] as const) {
        const svg = await renderSvg(chart.spec(room), 'page');
        const width = Number(/<svg[^>]* width="([\d.]+)"/.exec(svg)?.[1]);
        expect(width, `${chart.name} ${room}`).toBeGreaterThan(200);
        expect(width, `${chart.name} ${room}`).toBeLessThanOrEqual(most);
        expect(svg).not.toMatch(/NaN|undefined/);
      }
    }
  });

  it('gives every arm a look of its own', () => {
    const seen = [...looks.values()].map(({ colour, dash }) => `${colour} ${dash.join()}`);
    expect(new Set(seen).size).toBe(looks.size);
    expect(looks.size).toBe(8);
  });

  it('uses colours that stand out from a white and from a dark page', () => {
    for (const { colour } of looks.values()) {
      expect(contrast(colour, '#ffffff'), colour).toBeGreaterThanOrEqual(3);
      expect(contrast(colour, '#14171b'), colour).toBeGreaterThanOrEqual(3);
    }
  });
});

/** Contrast ratio of WCAG 2.1. */
function contrast(a: string, b: string): number {
  const luminance = (colour: string) =>
    [1, 3, 5]
      .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
      .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
      .reduce((sum, part, index) => sum + part * ([0.2126, 0.7152, 0.0722][index] ?? 0), 0);
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

describe('renderSvg', () => {
  it('refuses what is no chart', async () => {
    await expect(renderSvg({ mark: 'nothing', encoding: 3 }, 'paper')).rejects.toMatchObject({
      code: 'INTERNAL',
    });
  });
});

describe('inlineSvg', () => {
  it('gives ids of their own and a description', () => {
    const svg = inlineSvg(
      '<svg class="marks"><clipPath id="c1"/><g clip-path="url(#c1)"/></svg>',
      'a',
      'x < "y"',
    );
    expect(svg).toBe(
      '<svg role="img" aria-label="x &lt; &quot;y&quot;" class="marks"><clipPath id="a-c1"/><g clip-path="url(#a-c1)"/></svg>',
    );
  });
});

describe('placeLabels', () => {
  it('keeps names apart', () => {
    const curve = (arm: string, shift: number) => ({
      arm,
      points: [1, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001].map((share, index) => ({
        latencyMs: (index + 1) * shift,
        share,
      })),
    });
    const frame = { width: 600, height: 340, latencies: [1, 1000], shares: [0.0005, 1] } as const;
    const labels = placeLabels([curve('one', 10), curve('two', 10.1), curve('three', 10.2)], frame);
    const places = labels.map(({ latencyMs, share }) => [
      (Math.log(latencyMs) / Math.log(1000)) * 600,
      (Math.log(share) / Math.log(0.0005)) * 340,
    ]);
    for (const [index, [x = 0, y = 0]] of places.entries()) {
      for (const [otherX = 0, otherY = 0] of places.slice(index + 1)) {
        expect(Math.abs(y - otherY) >= 15 || Math.abs(x - otherX) >= 20).toBe(true);
      }
    }
  });
});

describe('logTicks', () => {
  it.each([
    [15, 2500, 12, [20, 50, 100, 200, 500, 1000, 2000]],
    [15, 2500, 5, [30, 100, 300, 1000]],
    [0.5, 200_000, 6, [1, 10, 100, 1000, 10_000, 100_000]],
  ])('from %d to %d, at most %d', (low, high, most, ticks) => {
    expect(logTicks(low, high, most)).toEqual(ticks);
  });
});

describe('textWidth', () => {
  it('grows with size, weight and letters', () => {
    const plain = textWidth({ fontSize: 12 }, 'interactive');
    expect(plain).toBeGreaterThan(50);
    expect(plain).toBeLessThan(90);
    expect(textWidth({ fontSize: 12, fontWeight: 600 }, 'interactive')).toBeGreaterThan(plain);
    expect(textWidth({ fontSize: 12 }, 'WWW')).toBeGreaterThan(textWidth({ fontSize: 12 }, 'iii'));
  });
});
