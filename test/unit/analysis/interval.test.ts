import { describe, expect, it } from 'vitest';
import {
  geometricInterval,
  meanInterval,
  pairedDifference,
  pairedRatio,
  proportionInterval,
  studentCentralProbability,
  studentQuantile,
} from '../../../src/analysis/index.ts';

describe('studentQuantile', () => {
  it.each([
    [1, 12.706],
    [2, 4.303],
    [3, 3.182],
    [4, 2.776],
    [5, 2.571],
    [9, 2.262],
    [10, 2.228],
    [11, 2.201],
    [30, 2.042],
    [120, 1.98],
  ])('at 95 %% with %d degrees of freedom is %d, as printed tables have it', (freedom, expected) => {
    expect(studentQuantile(0.95, freedom)).toBeCloseTo(expected, 3);
  });

  it('undoes studentCentralProbability', () => {
    for (const freedom of [1, 2, 3, 6, 7, 40]) {
      for (const confidence of [0.5, 0.9, 0.99]) {
        const t = studentQuantile(confidence, freedom);
        expect(studentCentralProbability(t, freedom)).toBeCloseTo(confidence, 10);
      }
    }
  });

  it('refuses what is no distribution', () => {
    expect(() => studentQuantile(1, 3)).toThrow(RangeError);
    expect(() => studentQuantile(0.95, 0)).toThrow(RangeError);
    expect(() => studentQuantile(0.95, 1.5)).toThrow(RangeError);
    expect(() => studentCentralProbability(-1, 3)).toThrow(RangeError);
  });
});

describe('intervals over trials', () => {
  it('gives the mean with Student’s interval', () => {
    const { value, low, high } = meanInterval([4, 5, 6]);
    expect(value).toBe(5);
    expect(low).toBeCloseTo(5 - 4.30265 / Math.sqrt(3), 4);
    expect(high).toBeCloseTo(5 + 4.30265 / Math.sqrt(3), 4);
  });

  it('gives no bounds for one trial', () => {
    expect(meanInterval([3])).toEqual({ value: 3, low: null, high: null });
    expect(geometricInterval([3])).toMatchObject({ low: null, high: null });
    expect(proportionInterval([0.3])).toEqual({ value: 0.3, low: null, high: null });
  });

  it('keeps the interval of a positive quantity positive', () => {
    const { value, low, high } = geometricInterval([1, 10, 100]);
    expect(value).toBeCloseTo(10, 10);
    expect(low).toBeGreaterThan(0);
    expect((high ?? 0) * (low ?? 0)).toBeCloseTo(100, 6);
  });

  it('falls back to the arithmetic mean where a value is zero', () => {
    const estimate = geometricInterval([0, 2, 4]);
    expect(estimate.value).toBe(2);
    expect(estimate.low).toBe(0);
  });

  it('cuts proportions to 0..1', () => {
    const { value, low, high } = proportionInterval([0.9, 1, 0.95]);
    expect(value).toBeCloseTo(0.95, 12);
    expect(high).toBe(1);
    expect(low).toBeGreaterThan(0.5);
  });
});

describe('paired comparison', () => {
  it('takes out what a block does to both arms', () => {
    const blocks = [1, 5, 20];
    const ratio = pairedRatio(
      blocks.map((scale) => 30 * scale),
      blocks.map((scale) => 10 * scale),
    );
    expect(ratio.value).toBeCloseTo(3, 12);
    expect(ratio.low).toBeCloseTo(3, 9);
    expect(ratio.high).toBeCloseTo(3, 9);
  });

  it('equals the ratio of the geometric means', () => {
    const of = [120, 340, 95];
    const to = [40, 51, 60];
    expect(pairedRatio(of, to).value).toBeCloseTo(
      geometricInterval(of).value / geometricInterval(to).value,
      12,
    );
  });

  it('turns around with its interval', () => {
    const straight = pairedRatio([4, 5, 7], [1, 2, 2]);
    const turned = pairedRatio([1, 2, 2], [4, 5, 7]);
    expect(turned.low).toBeCloseTo(1 / (straight.high as number), 12);
    expect(turned.high).toBeCloseTo(1 / (straight.low as number), 12);
  });

  it('has no interval where a value is zero and no value where the denominator is', () => {
    expect(pairedRatio([0, 2], [2, 2])).toEqual({ value: 0.5, low: null, high: null });
    expect(pairedRatio([1, 2], [0, 0])).toEqual({ value: null, low: null, high: null });
  });

  it('gives the mean difference', () => {
    expect(pairedDifference([5, 7], [4, 4]).value).toBe(2);
    expect(() => pairedDifference([1], [])).toThrow(RangeError);
    expect(() => pairedRatio([], [])).toThrow(RangeError);
  });
});
