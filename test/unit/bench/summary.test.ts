import { describe, expect, it } from 'vitest';
import type { Samples } from '../../../bench/rounds.ts';
import { type Row, rowsOf, spread, summarizeSamples } from '../../../bench/summary.ts';
import { alignColumns } from '../../../bench/table.ts';

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

function samples(): Samples {
  const closed = { round: 1, body: 'small', errors: 0, durationMs: 2000, upstreamCpuMs: 500 } as const;
  const open = { round: 1, requests: 1000, errors: 0, late: 2 };
  const mebibyte = 1024 * 1024;
  return {
    throughput: [
      { ...closed, peer: 'direct', requests: 160_000, cpuMs: 0 },
      { ...closed, peer: 'haproxy', requests: 100_000, cpuMs: 1000 },
      { ...closed, peer: 'sidecar', requests: 100_000, cpuMs: 1500 },
    ],
    latency: [
      { ...open, peer: 'direct', p50Ms: 0.1, p99Ms: 1 },
      { ...open, peer: 'sidecar', p50Ms: 0.25, p99Ms: 0.75 },
    ],
    memory: [
      { peer: 'sidecar', state: 'idle', rssBytes: 40 * mebibyte, anonymousBytes: 7 * mebibyte },
      { peer: 'sidecar', state: 'loaded', rssBytes: 60 * mebibyte, anonymousBytes: 20 * mebibyte },
      { peer: 'sidecar', state: 'loaded', rssBytes: 64 * mebibyte, anonymousBytes: 24 * mebibyte },
    ],
    starts: [{ peer: 'sidecar', round: 1, ms: 90 }],
  };
}

describe('summarizeSamples', () => {
  const rows = summarizeSamples(samples());
  const find = (measure: string, peer: string): Row | undefined =>
    rows.find((row) => row.measure === measure && row.peer === peer);

  it('gives throughput and processor time a request', () => {
    expect(find('throughputSmallRps', 'haproxy')?.median).toBe(50_000);
    expect(find('cpuPerRequestSmallUs', 'haproxy')?.median).toBe(10);
    expect(find('cpuPerRequestSmallUs', 'sidecar')?.ratios['haproxy']?.median).toBe(1.5);
    expect(find('proxyCoreSmallPercent', 'sidecar')?.median).toBe(75);
    expect(find('upstreamCoreSmallPercent', 'direct')?.median).toBe(25);
  });

  it('has no processor time for the direct way', () => {
    expect(find('cpuPerRequestSmallUs', 'direct')).toBeUndefined();
  });

  it('subtracts the direct way from latency; what is added may be negative', () => {
    expect(find('addedLatencyP50Ms', 'sidecar')?.median).toBeCloseTo(0.15, 9);
    expect(find('addedLatencyP99Ms', 'sidecar')?.median).toBeCloseTo(-0.25, 9);
    expect(find('addedLatencyP50Ms', 'direct')).toBeUndefined();
  });

  it('keeps memory at rest and under load apart', () => {
    expect(find('rssIdleBytes', 'sidecar')?.median).toBe(40 * 1024 * 1024);
    expect(find('anonymousLoadedBytes', 'sidecar')?.median).toBe(22 * 1024 * 1024);
    expect(find('startMs', 'sidecar')?.median).toBe(90);
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
