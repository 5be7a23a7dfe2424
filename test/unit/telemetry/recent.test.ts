import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecentCount, RecentValues } from '../../../src/telemetry/recent.ts';

describe('a recent count', () => {
  it('is a rate over what has been watched, and forgets what is older than its window', () => {
    const count = new RecentCount(5000);
    for (let ms = 1000; ms < 3000; ms += 10) count.add(ms);
    expect(count.perSecond(3000, 1000)).toBeCloseTo(100, 5);
    expect(count.perSecond(4000, 1000)).toBeCloseTo(200 / 3, 5);
    expect(count.perSecond(9000, 1000)).toBe(0);
    count.add(9000, 5);
    expect(count.perSecond(9100, 1000)).toBeGreaterThan(0);
  });

  it('counts what a list of all times would', () => {
    const sorted = fc.array(fc.nat(40_000), { maxLength: 200 }).map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(sorted, fc.nat(10_000), (times, later) => {
        const count = new RecentCount(5000);
        for (const ms of times) count.add(ms);
        const nowMs = (times.at(-1) ?? 0) + later;
        const beginsMs = (Math.floor(nowMs / 250) - 19) * 250;
        const inside = times.filter((ms) => ms >= beginsMs).length;
        const spanMs = Math.max(nowMs - Math.max(beginsMs, 0), 250);
        expect(count.perSecond(nowMs, 0)).toBeCloseTo((inside / spanMs) * 1000, 6);
      }),
    );
  });
});

describe('recent values', () => {
  it('have no quantiles when there are none, or none is recent', () => {
    const values = new RecentValues(1000);
    expect(values.quantiles(0, [0.5])).toEqual([undefined]);
    values.add(0, 7);
    expect(values.quantiles(500, [0.5])).toEqual([7]);
    expect(values.quantiles(1000, [0.5])).toEqual([undefined]);
  });

  it('have the quantiles of the newest that are inside', () => {
    const value = fc.record({ gap: fc.nat(100), value: fc.double({ min: 0, max: 1e6, noNaN: true }) });
    const values = fc.array(value, { minLength: 1, maxLength: 100 });
    const share = fc.constantFrom(0.01, 0.25, 0.5, 0.9, 0.99, 1);
    fc.assert(
      fc.property(values, share, (added, quantile) => {
        const values = new RecentValues(1000, 16);
        const all: { readonly atMs: number; readonly value: number }[] = [];
        let nowMs = 0;
        for (const { gap, value } of added) {
          nowMs += gap;
          values.add(nowMs, value);
          all.push({ atMs: nowMs, value });
        }
        const sorted = all
          .slice(-16)
          .filter((one) => one.atMs > nowMs - 1000)
          .map((one) => one.value)
          .sort((a, b) => a - b);
        const wanted = sorted.find(
          (one) => sorted.filter((other) => other <= one).length >= quantile * sorted.length,
        );
        expect(values.quantiles(nowMs, [quantile])).toEqual([wanted]);
      }),
    );
  });
});
