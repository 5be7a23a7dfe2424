import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/index.ts';

describe('seededRandom', () => {
  it('repeats itself for a seed, and differs between seeds and between named streams', () => {
    const take = (seed: number, name?: string): number[] => {
      const random = name === undefined ? seededRandom(seed) : seededRandom(seed).child(name);
      return Array.from({ length: 8 }, () => random.next());
    };
    expect(take(1)).toEqual(take(1));
    expect(take(1)).not.toEqual(take(2));
    expect(take(1, 'a')).not.toEqual(take(1, 'b'));
    expect(take(1, 'a')).toEqual(take(1, 'a'));
  });

  it('is not disturbed in a child by what is drawn from the parent', () => {
    const parent = seededRandom(5);
    const before = parent.child('x').next();
    parent.next();
    expect(parent.child('x').next()).toBe(before);
  });

  it('is uniform enough: chi-squared over 64 cells stays below the 0.1 % point (103.4 at 63 degrees of freedom)', () => {
    const random = seededRandom(42);
    const cells = new Array<number>(64).fill(0);
    const draws = 640_000;
    for (let index = 0; index < draws; index += 1) {
      const cell = random.below(64);
      cells[cell] = (cells[cell] ?? 0) + 1;
    }
    const expected = draws / 64;
    const statistic = cells.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(statistic).toBeLessThan(103.4);
  });

  it('draws exponential gaps with the mean and the deviation that were asked for', () => {
    const random = seededRandom(9);
    const gaps = Array.from({ length: 200_000 }, () => random.exponential(20));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(mean / 20).toBeGreaterThan(0.99);
    expect(mean / 20).toBeLessThan(1.01);
    expect(deviation / 20).toBeGreaterThan(0.98);
    expect(deviation / 20).toBeLessThan(1.02);
  });
});
