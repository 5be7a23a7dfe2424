import { describe, expect, it } from 'vitest';
import { drawChart } from '../../../bench/chart.ts';
import { growthPerMillion } from '../../../bench/endurance.ts';
import type { Machine } from '../../../bench/machine.ts';
import { arrivals, summarizeLatencies } from '../../../bench/open-loop/run.ts';
import { latencyFigures, throughputFigures } from '../../../bench/parts/figures.ts';
import type { Settings } from '../../../bench/settings.ts';
import { type Figure, rowsOf, spread, summarize } from '../../../bench/summary.ts';
import { alignColumns, formatTables } from '../../../bench/table.ts';

describe('spread', () => {
  it('is the median and the extremes', () => {
    expect(spread([30, 10, 20])).toEqual({ median: 20, min: 10, max: 30 });
    expect(spread([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
  });

  it('is absent without values', () => {
    expect(spread([])).toBeUndefined();
  });
});

describe('rowsOf', () => {
  it('compares within a round, so that a slow moment of the machine cancels out', () => {
    const rows = rowsOf('throughputRps', [
      { peer: 'a', round: 1, value: 200 },
      { peer: 'b', round: 1, value: 100 },
      { peer: 'a', round: 2, value: 20 },
      { peer: 'b', round: 2, value: 10 },
      { peer: 'a', round: 3, value: 90 },
      { peer: 'b', round: 3, value: 30 },
    ]);
    expect(rows).toEqual([
      {
        measure: 'throughputRps',
        peer: 'a',
        median: 90,
        min: 20,
        max: 200,
        ratios: { b: { median: 2, min: 2, max: 3 } },
      },
      expect.objectContaining({
        peer: 'b',
        median: 30,
        ratios: { a: expect.objectContaining({ median: 0.5 }) },
      }),
    ]);
  });

  it('gives no ratio to a peer without a value in the same round, nor to zero', () => {
    const [row] = rowsOf('errors', [
      { peer: 'a', round: 1, value: 5 },
      { peer: 'b', round: 2, value: 5 },
      { peer: 'c', round: 1, value: 0 },
    ]);
    expect(row?.ratios).toEqual({});
  });
});

describe('summarize', () => {
  it('keeps cases and measures apart', () => {
    const figure = { round: 1, peer: 'a' };
    const rows = summarize([
      { ...figure, case: 'x', measure: 'us', value: 1 },
      { ...figure, case: 'y', measure: 'us', value: 2 },
      { ...figure, case: 'x', measure: 'ms', value: 3 },
      { ...figure, case: 'x', measure: 'us', round: 2, value: 5 },
    ]);
    expect(rows.map((row) => [row.case, row.measure, row.median])).toEqual([
      ['x', 'us', 3],
      ['y', 'us', 2],
      ['x', 'ms', 3],
    ]);
  });
});

const valuesOf = (figures: readonly Figure[]): Record<string, number> =>
  Object.fromEntries(figures.map(({ measure, value }) => [measure, value]));

describe('throughputFigures', () => {
  const occasion = { case: 'x', peer: 'sidecar', round: 1 };
  const sample = { requests: 100_000, errors: 3, durationMs: 2000, cpuMs: 1500, upstreamCpuMs: 500 };

  it('gives throughput and processor time a request', () => {
    expect(valuesOf(throughputFigures(occasion, sample))).toEqual({
      throughputRps: 50_000,
      cpuPerRequestUs: 15,
      ownCorePercent: 75,
      upstreamCorePercent: 25,
      errors: 3,
    });
  });

  it('has no processor time for the direct way', () => {
    const values = valuesOf(throughputFigures({ ...occasion, peer: 'direct' }, sample));
    expect(Object.keys(values)).toEqual(['throughputRps', 'upstreamCorePercent', 'errors']);
  });
});

describe('latencyFigures', () => {
  const result = {
    requests: 9,
    errors: 0,
    late: 2,
    p50Ms: 0.25,
    p99Ms: 0.75,
    p999Ms: 4,
    generatorPercent: 10,
  };
  const occasion = { case: 'x', peer: 'sidecar', round: 1 };

  it('subtracts the direct way; what is added may be negative', () => {
    const direct = { ...result, p50Ms: 0.125, p99Ms: 1, p999Ms: 3 };
    expect(valuesOf(latencyFigures(occasion, 1000, result, direct))).toMatchObject({
      rateRps: 1000,
      addedP50Ms: 0.125,
      addedP99Ms: -0.25,
      addedP999Ms: 1,
      lateSends: 2,
    });
  });

  it('adds nothing to the direct way itself', () => {
    expect(valuesOf(latencyFigures(occasion, 1000, result, undefined))).not.toHaveProperty('addedP50Ms');
  });
});

describe('arrivals', () => {
  it('are the same for the same seed, ascending, and as many as the rate says', () => {
    const times = arrivals(1000, 10_000, 7);
    expect(arrivals(1000, 10_000, 7)).toEqual(times);
    expect(arrivals(1000, 10_000, 8)).not.toEqual(times);
    expect(times.every((time, index) => index === 0 || time >= (times[index - 1] ?? 0))).toBe(true);
    // Four standard deviations of a Poisson count of 10,000.
    expect(Math.abs(times.length - 10_000)).toBeLessThan(400);
  });
});

describe('summarizeLatencies', () => {
  it('counts what was due after the warm-up; failures are errors and in no quantile', () => {
    const due = Float64Array.of(10, 110, 120, 130, 140);
    const latency = Float64Array.of(90, 1, 2, Number.NaN, 3);
    const sentLate = Float64Array.of(5, 0, 1.5, 0, 0.9);
    expect(summarizeLatencies(due, latency, sentLate, 100)).toEqual({
      requests: 4,
      errors: 1,
      late: 1,
      p50Ms: 2,
      p99Ms: expect.closeTo(2.98, 9),
      p999Ms: expect.closeTo(2.998, 9),
    });
  });

  it('has no quantiles without requests', () => {
    const none = new Float64Array(0);
    expect(summarizeLatencies(none, none, none, 0)).toMatchObject({ requests: 0, p50Ms: Number.NaN });
  });
});

describe('growthPerMillion', () => {
  const slice = (requests: number, rssBytes: number) => ({ requests, rssBytes, anonymousBytes: 5 });

  it('is the slope over the second half, so that warming up is no growth', () => {
    const slices = [slice(1e6, 0), slice(2e6, 900), slice(3e6, 1000), slice(4e6, 1010), slice(5e6, 1020)];
    expect(growthPerMillion(slices, 'rssBytes')).toBeCloseTo(10, 6);
    expect(growthPerMillion(slices, 'anonymousBytes')).toBe(0);
  });

  it('is nothing of one slice', () => {
    expect(growthPerMillion([slice(1e6, 7)], 'rssBytes')).toBe(0);
  });
});

describe('formatTables', () => {
  it('shows a case in a table of its own, with ratios, and leaves rows without figures out', () => {
    const figures = [
      { case: 'x', measure: 'us', peer: 'haproxy', round: 1, value: 10 },
      { case: 'x', measure: 'us', peer: 'sidecar', round: 1, value: 12 },
      { case: 'y', measure: 'us', peer: 'sidecar', round: 1, value: 99 },
    ];
    const columns = [
      { title: 'us', measure: 'us', digits: 0, spread: true },
      { title: 'to haproxy', measure: 'us', against: 'haproxy', digits: 2 },
    ];
    const peers = ['haproxy', 'nginx', 'sidecar'];
    expect(formatTables([{ title: 'under x', case: 'x', peers, columns }], summarize(figures))).toEqual([
      'under x\npeer                us  to haproxy\nhaproxy  10 (10 to 10)           -\nsidecar  12 (12 to 12)        1.20',
    ]);
  });
});

describe('the chart', () => {
  it('has a panel for each load, with every row and its ratio to the first peer', async () => {
    const figures = ['http1', 'grpc'].flatMap((of) =>
      [
        ['haproxy', 10],
        ['sidecar', 12.5],
      ].map(([peer, value]) => ({
        case: of,
        measure: 'cpuPerRequestUs',
        peer: String(peer),
        round: 1,
        value: Number(value),
      })),
    );
    const machine = { processor: 'a processor', kernel: '6.1' } as Machine;
    const svg = await drawChart({ rows: summarize(figures), machine, settings: { rounds: 1 } as Settings });
    expect(svg).toMatch(/^<svg /);
    for (const text of ['>http1<', '>grpc<', '>haproxy<', '>sidecar<', '1.25 x haproxy']) {
      expect(svg).toContain(text);
    }
  });
});

describe('alignColumns', () => {
  it('puts the first column to the left and figures to the right', () => {
    const table = alignColumns([
      ['peer', 'rps'],
      ['a', '100000'],
      ['longer', '9'],
    ]);
    expect(table).toBe('peer       rps\na       100000\nlonger       9');
  });
});
