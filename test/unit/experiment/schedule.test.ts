import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildSchedule } from '../../../src/experiment/schedule.ts';

const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 9 });

describe('buildSchedule', () => {
  it('puts every arm once into every block, and gives a block one workload seed', () => {
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 20 }), fc.nat(), (arms, trials, seed) => {
        const schedule = buildSchedule(arms, trials, seed);
        expect(schedule.map((one) => one.index)).toEqual(schedule.map((_, index) => index));
        for (let block = 0; block < trials; block += 1) {
          const own = schedule.filter((one) => one.block === block);
          expect(own.map((one) => one.arm).sort()).toEqual([...arms].sort());
          expect(new Set(own.map((one) => one.seed)).size).toBe(1);
        }
      }),
    );
  });

  it('gives the same order for the same seed, and another for another', () => {
    const arms = ['direct', 'mesh', 'queue', 'transport', 'kernel', 'all'];
    expect(buildSchedule(arms, 5, 7)).toEqual(buildSchedule(arms, 5, 7));
    expect(buildSchedule(arms, 5, 7)).not.toEqual(buildSchedule(arms, 5, 8));
  });

  it('does not change the blocks that stand when more are asked for', () => {
    const arms = ['a', 'b', 'c'];
    expect(buildSchedule(arms, 9, 3).slice(0, 6)).toEqual(buildSchedule(arms, 2, 3));
  });

  it('puts each arm first about equally often', () => {
    const arms = ['a', 'b', 'c', 'd'];
    const first = buildSchedule(arms, 4000, 11).filter((one) => one.index % 4 === 0);
    for (const arm of arms) {
      const share = first.filter((one) => one.arm === arm).length / 4000;
      expect(share).toBeGreaterThan(0.22);
      expect(share).toBeLessThan(0.28);
    }
  });
});
