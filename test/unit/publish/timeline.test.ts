import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { summarize } from '../../../src/analysis/index.ts';
import { renderSvg } from '../../../src/publish/charts/index.ts';
import { timelineChart } from '../../../src/publish/charts/timeline.ts';
import { episodeOf, readManifest, windowOf } from '../../../src/publish/manifest.ts';
import { armLooks } from '../../../src/publish/palette.ts';
import { summaryInput } from '../../../src/publish/summary-input.ts';
import { readTrials } from '../../../src/publish/trials.ts';
import { writeSyntheticNetworkResults } from '../../support/synthetic-network-results.ts';

let folder: string;
let source: Parameters<typeof timelineChart>[0];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-timeline-'));
  await writeSyntheticNetworkResults(folder);
  const manifest = await readManifest(folder);
  const { trials } = await readTrials(folder);
  const summary = summarize(summaryInput(manifest, { trials, void: [] }, {}));
  source = {
    summary,
    classes: [{ name: 'interactive' }, { name: 'batch' }],
    trials,
    looks: armLooks(summary, () => false),
    window: windowOf(manifest),
    episode: episodeOf(manifest),
    rateBps: 20_000_000,
    timeoutMs: () => 5000,
  };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Layered {
  readonly concat: readonly {
    readonly vconcat: readonly { readonly layer: readonly { readonly data: { readonly values: Row[] } }[] }[];
  }[];
}
interface Row {
  readonly timeS: number;
  readonly series: string;
  readonly value: number;
}

/** The lines of a panel of an arm: arms in order, panels latency, level, share. */
function rows(arm: number, panel: number): Row[] {
  const spec = timelineChart(source)?.spec('wide') as unknown as Layered;
  return spec.concat[arm]?.vconcat[panel]?.layer.at(-1)?.data.values ?? [];
}

describe('the timeline', () => {
  it('shows the share of each class on the other path, before and after the move', () => {
    const batch = rows(1, 2).filter(({ series }) => series === 'batch');
    expect(batch.filter(({ timeS }) => timeS < 2).every(({ value }) => value === 0)).toBe(true);
    expect(batch.filter(({ timeS }) => timeS > 2.5).every(({ value }) => value === 100)).toBe(true);
    expect(rows(0, 2).every(({ value }) => value === 0)).toBe(true);
  });

  it('shows the congestion of each path', () => {
    const primary = rows(0, 1).filter(({ series }) => series === 'primary');
    expect(primary.filter(({ timeS }) => timeS >= 2 && timeS < 4.5).every(({ value }) => value === 1)).toBe(
      true,
    );
    expect(primary.filter(({ timeS }) => timeS < 2).every(({ value }) => value === 0.1)).toBe(true);
    expect(
      rows(0, 1)
        .filter(({ series }) => series === 'secondary')
        .every(({ value }) => value === 0),
    ).toBe(true);
  });

  it('shows latency that recovers only where somebody was told', () => {
    const late = (arm: number) =>
      rows(arm, 0).filter(({ series, timeS }) => series === 'interactive' && timeS >= 3 && timeS < 4.5);
    expect(late(0).every(({ value }) => value > 250)).toBe(true);
    expect(late(1).every(({ value }) => value < 30)).toBe(true);
  });

  it('says in words what it draws', () => {
    const chart = timelineChart(source);
    expect(chart?.alt).toMatch(
      /told: interactive p99 at most [\d.]+ ms, interactive moved at 2\.\d+ s, batch moved at 2\.\d+ s/,
    );
    expect(chart?.caption).toContain('than `primary`');
    for (const text of [chart?.title, chart?.caption, chart?.alt])
      expect(text).not.toMatch(/undefined|NaN|null/);
  });

  it.each(['wide', 'narrow'] as const)('draws itself in a %s room', async (room) => {
    const spec = timelineChart(source)?.spec(room) ?? {};
    const svg = await renderSvg(spec, 'paper');
    expect(svg).toContain('no-hints');
    expect(Number(/width="(\d+)/.exec(svg)?.[1])).toBeLessThan(room === 'wide' ? 760 : 400);
  });

  it('is not there where nobody looked at the network', () => {
    const blind = source.trials.map((trial) => ({ ...trial, counters: [] }));
    expect(timelineChart({ ...source, trials: blind })).toBeUndefined();
  });
});
