import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quantileSorted } from '../../../src/analysis/index.ts';

describe('quantileSorted', () => {
  it.each([
    [[15, 20, 35, 40, 50], 0.4, 29],
    [[1, 2, 3, 4], 0.25, 1.75],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9, 9.1],
    [[7], 0.99, 7],
    [[1, 3], 0, 1],
    [[1, 3], 1, 3],
  ])('of %j at %d is %d, as R and NumPy give by default', (values, p, expected) => {
    expect(quantileSorted(values, p)).toBeCloseTo(expected, 12);
  });

  it('stays between its neighbours and never falls as p grows', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, a, b) => {
          const sorted = [...values].sort((x, y) => x - y);
          const low = quantileSorted(sorted, Math.min(a, b));
          const high = quantileSorted(sorted, Math.max(a, b));
          expect(low).toBeGreaterThanOrEqual(sorted[0] as number);
          expect(high).toBeLessThanOrEqual((sorted.at(-1) as number) * (1 + 1e-12));
          expect(low).toBeLessThanOrEqual(high * (1 + 1e-12) + 1e-12);
        },
      ),
    );
  });

  it('refuses no values and levels outside 0 to 1', () => {
    expect(() => quantileSorted([], 0.5)).toThrow(RangeError);
    expect(() => quantileSorted([1], 1.1)).toThrow(RangeError);
    expect(() => quantileSorted([1], Number.NaN)).toThrow(RangeError);
  });
});
