import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ResidenceStats } from '../../../../../src/sidecar/amqp/prefetch/residence-stats.ts';

const samples = fc.array(fc.tuple(fc.nat(2), fc.double({ min: 0.01, max: 1e5, noNaN: true })), {
  maxLength: 40,
});

function statsOf(list: readonly (readonly [number, number])[]): ResidenceStats {
  const stats = new ResidenceStats();
  for (const [classIndex, ms] of list) stats.add(classIndex, ms);
  return stats;
}

describe('residence statistics', () => {
  it('have the mean and the variation of their samples, whether added or merged', () => {
    fc.assert(
      fc.property(samples, samples, (one, other) => {
        const merged = statsOf(one);
        merged.merge(statsOf(other));
        const all = [...one, ...other].map(([, ms]) => ms);
        const mean = all.reduce((sum, ms) => sum + ms, 0) / Math.max(1, all.length);
        expect(merged.count).toBe(all.length);
        expect(merged.meanMs).toBeCloseTo(mean, 5);
        let squares = 0;
        let freedom = 0;
        for (const classIndex of [0, 1, 2]) {
          const own = [...one, ...other].filter(([of]) => of === classIndex).map(([, ms]) => ms);
          const ownMean = own.reduce((sum, ms) => sum + ms, 0) / Math.max(1, own.length);
          squares += own.reduce((sum, ms) => sum + (ms / ownMean - 1) ** 2, 0);
          freedom += Math.max(0, own.length - 1);
        }
        if (freedom > 0) expect(merged.variation).toBeCloseTo(Math.sqrt(squares / freedom), 5);
      }),
    );
  });

  it('find what all classes wait longer, whatever the mixture', () => {
    const base = statsOf(Array.from({ length: 40 }, (_, index) => [index % 2, index % 2 === 0 ? 10 : 200]));
    const later = statsOf(
      Array.from({ length: 40 }, (_, index) => [index % 5 === 0 ? 1 : 0, index % 5 === 0 ? 207 : 17]),
    );
    expect(later.longerThan(base)?.ms).toBeCloseTo(7, 9);
  });

  it('say nothing without a class in common', () => {
    expect(statsOf([[0, 5]]).longerThan(statsOf([[1, 5]]))).toBeUndefined();
  });

  it('are less sure with fewer samples', () => {
    const wide = (count: number) =>
      statsOf(Array.from({ length: count }, (_, index) => [0, 10 + (index % 7)]));
    const few = wide(10).longerThan(wide(10))?.errorMs ?? 0;
    const many = wide(1000).longerThan(wide(1000))?.errorMs ?? 0;
    expect(few / many).toBeGreaterThan(5);
  });

  it('let new samples count after they forget', () => {
    const stats = statsOf(Array.from({ length: 1000 }, () => [0, 10]));
    stats.forget(10);
    for (let more = 0; more < 10; more += 1) stats.add(0, 20);
    expect(stats.meanMs).toBeCloseTo(15, 9);
  });

  it('take stragglers for the class that is seen most', () => {
    const stats = statsOf([
      [0, 1],
      [1, 5],
      [1, 5],
    ]);
    stats.addStragglers(2, 100);
    expect(stats.count).toBe(5);
    expect(stats.longerThan(statsOf([[0, 1]]))?.ms).toBe(0);
  });
});
