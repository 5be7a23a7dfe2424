import { describe, expect, it } from 'vitest';
import { bracketed, ccdf, figure, quantity, rateOverTime } from '../../../src/analysis/index.ts';

describe('ccdf', () => {
  it('starts with every request and ends with the slowest', () => {
    const latencies = Array.from({ length: 1000 }, (_, index) => 1000 - index);
    const points = ccdf(latencies);
    expect(points[0]).toEqual({ latencyMs: 1, share: 1 });
    expect(points.at(-1)).toEqual({ latencyMs: 1000, share: 0.001 });
    expect(points.length).toBeLessThanOrEqual(151);
    for (const { latencyMs, share } of points) {
      expect(latencies.filter((latency) => latency >= latencyMs).length / 1000).toBeCloseTo(share, 12);
    }
  });

  it('takes a single request', () => {
    expect(ccdf([5])).toEqual([{ latencyMs: 5, share: 1 }]);
  });
});

describe('rateOverTime', () => {
  it('sums bins inside the window, with zeros for a silent class', () => {
    const bins = [
      { startMs: 900, className: 'batch', bytes: 99 },
      { startMs: 1000, className: 'batch', bytes: 1000 },
      { startMs: 1400, className: 'batch', bytes: 500 },
      { startMs: 1500, className: 'batch', bytes: 250 },
      { startMs: 2000, className: 'batch', bytes: 99 },
    ];
    expect(rateOverTime(bins, ['interactive', 'batch'], 1000, 2000, 500)).toEqual([
      { timeS: 0.25, className: 'interactive', rateBps: 0 },
      { timeS: 0.75, className: 'interactive', rateBps: 0 },
      { timeS: 0.25, className: 'batch', rateBps: 24_000 },
      { timeS: 0.75, className: 'batch', rateBps: 4000 },
    ]);
  });
});

describe('figures in words', () => {
  it.each([
    [0, '0'],
    [1234.56, '1,235'],
    [12.345, '12.3'],
    [1, '1'],
    [0.012345, '0.0123'],
  ])('%d is written %s', (value, text) => {
    expect(figure(value)).toBe(text);
  });

  it('has units', () => {
    expect(quantity('latencyMs.p99', 12.34)).toBe('12.3 ms');
    expect(quantity('goodputBps', 12_340_000)).toBe('12.3 Mbit/s');
    expect(quantity('sloAttainment', 0.98765)).toBe('98.8 %');
    expect(quantity('errorRatio', 0.000912)).toBe('0.091 %');
  });

  it('shows what is missing', () => {
    expect(bracketed({ value: 2, low: 1.5, high: 2.5 })).toBe('2 [1.5, 2.5]');
    expect(bracketed({ value: 2, low: null, high: null })).toBe('2 (no interval)');
    expect(bracketed({ value: null, low: null, high: null })).toContain('zero');
  });
});
