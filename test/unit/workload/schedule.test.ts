import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../src/core/index.ts';
import { arrivalTimes, makeSchedule } from '../../../src/workload/schedule.ts';

const poisson = (name: string, rateRps: number) => ({ name, arrivals: 'poisson' as const, rateRps });
const constant = (name: string, rateRps: number) => ({ name, arrivals: 'constant' as const, rateRps });

function gapsOf(times: readonly number[]): number[] {
  return times.slice(1).map((time, index) => time - (times[index] ?? 0));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function variance(values: readonly number[]): number {
  const middle = mean(values);
  return mean(values.map((value) => (value - middle) ** 2));
}

describe('Poisson arrivals', () => {
  const times = arrivalTimes(poisson('a', 100), 1_000_000, seededRandom(7));

  test('come as often as asked: the count is within four standard deviations of rate x time', () => {
    expect(Math.abs(times.length - 100_000)).toBeLessThan(4 * Math.sqrt(100_000));
  });

  test('have exponential gaps: mean 10 ms, standard deviation the same, survival e^-1 at the mean', () => {
    const gaps = gapsOf(times);
    expect(Math.abs(mean(gaps) / 10 - 1)).toBeLessThan(0.02);
    expect(Math.abs(Math.sqrt(variance(gaps)) / 10 - 1)).toBeLessThan(0.03);
    const survived = gaps.filter((gap) => gap > 10).length / gaps.length;
    expect(Math.abs(survived - Math.exp(-1))).toBeLessThan(0.01);
  });

  test('have counts in windows whose variance is their mean', () => {
    const counts = new Array<number>(1000).fill(0);
    for (const time of times) counts[Math.floor(time / 1000)] = (counts[Math.floor(time / 1000)] ?? 0) + 1;
    expect(Math.abs(variance(counts) / mean(counts) - 1)).toBeLessThan(0.2);
  });

  test('do not depend on the gap before', () => {
    const gaps = gapsOf(times);
    const middle = mean(gaps);
    const products = gaps.slice(1).map((gap, index) => (gap - middle) * ((gaps[index] ?? 0) - middle));
    expect(Math.abs(mean(products) / variance(gaps))).toBeLessThan(4 / Math.sqrt(gaps.length));
  });
});

test('constant arrivals have equal gaps and do not drift', () => {
  const times = arrivalTimes(constant('a', 30), 100_000, seededRandom(3));
  expect(times).toHaveLength(3000);
  for (const gap of gapsOf(times)) expect(gap).toBeCloseTo(1000 / 30, 6);
});

describe('fixed-count arrivals', () => {
  const fixed = (rateRps: number) => ({ name: 'a', arrivals: 'fixed-count' as const, rateRps });

  test('are as many as the rate asks for, whatever the seed', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      expect(arrivalTimes(fixed(4.5), 6000, seededRandom(seed))).toHaveLength(27);
    }
  });

  test('are uniform over the schedule, and so have the counts in windows of a binomial', () => {
    const counts: number[] = [];
    for (let seed = 0; seed < 2000; seed += 1) {
      const times = arrivalTimes(fixed(20), 5000, seededRandom(seed));
      counts.push(times.filter((time) => time < 1000).length);
    }
    expect(Math.abs(mean(counts) - 20)).toBeLessThan(4 * Math.sqrt(16 / 2000));
    expect(Math.abs(variance(counts) / 16 - 1)).toBeLessThan(0.15);
  });
});

describe('a schedule', () => {
  test('is the same for the same seed and trial, another for another', () => {
    const workloads = [poisson('a', 50), constant('b', 20)];
    const first = makeSchedule(workloads, 5000, 11, 2);
    expect(makeSchedule(workloads, 5000, 11, 2)).toEqual(first);
    expect(makeSchedule(workloads, 5000, 11, 3).intendedMs).not.toEqual(first.intendedMs);
    expect(makeSchedule(workloads, 5000, 12, 2).intendedMs).not.toEqual(first.intendedMs);
  });

  test('gives a workload the same arrivals whatever stands beside it', () => {
    const alone = makeSchedule([poisson('a', 50)], 5000, 11, 0);
    const beside = makeSchedule([poisson('b', 80), poisson('a', 50)], 5000, 11, 0);
    const ofA = beside.intendedMs.filter((_time, index) => beside.workload[index] === 1);
    expect([...ofA]).toEqual([...alone.intendedMs]);
  });

  test('gives two workloads of one rate arrivals that have nothing to do with each other', () => {
    const { intendedMs, workload } = makeSchedule([poisson('a', 100), poisson('b', 100)], 200_000, 5, 0);
    const counts = [new Array<number>(2000).fill(0), new Array<number>(2000).fill(0)];
    for (const [index, time] of intendedMs.entries()) {
      const list = counts[workload[index] ?? 0] ?? [];
      const bin = Math.floor(time / 100);
      list[bin] = (list[bin] ?? 0) + 1;
    }
    const [a = [], b = []] = counts;
    const covariance = mean(a.map((value, bin) => (value - mean(a)) * ((b[bin] ?? 0) - mean(b))));
    expect(Math.abs(covariance / Math.sqrt(variance(a) * variance(b)))).toBeLessThan(4 / Math.sqrt(2000));
  });

  test('is ordered, inside its duration, and holds every arrival once', () => {
    const workload = fc.record({
      arrivals: fc.constantFrom('poisson' as const, 'fixed-count' as const, 'constant' as const),
      rateRps: fc.double({ min: 0.5, max: 300, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.array(workload, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        fc.integer({ min: 1, max: 3000 }),
        (list, seed, durationMs) => {
          const workloads = list.map((entry, index) => ({ ...entry, name: `w${index}` }));
          const schedule = makeSchedule(workloads, durationMs, seed, 0);
          const times = [...schedule.intendedMs];
          expect(times).toEqual([...times].sort((a, b) => a - b));
          expect(times.every((time) => time >= 0 && time < durationMs)).toBe(true);
          const root = seededRandom(seed);
          for (const [which, entry] of workloads.entries()) {
            const own = times.filter((_time, index) => schedule.workload[index] === which);
            const stream = root.child(`workload/${entry.name}`).child('trial/0');
            expect(own).toEqual(arrivalTimes(entry, durationMs, stream));
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a step of the rate', () => {
  const kinds = ['poisson', 'fixed-count', 'constant'] as const;
  const stepped = (arrivals: (typeof kinds)[number]) => ({
    name: 'a',
    arrivals,
    rateRps: 50,
    steps: [
      { atMs: 10_000, rateRps: 300 },
      { atMs: 20_000, rateRps: 50 },
    ],
  });
  const countIn = (times: readonly number[], fromMs: number, toMs: number) =>
    times.filter((time) => time >= fromMs && time < toMs).length;

  for (const arrivals of kinds) {
    test(`changes the rate of ${arrivals} arrivals, there and back`, () => {
      const times = arrivalTimes(stepped(arrivals), 30_000, seededRandom(8));
      expect(times).toEqual([...times].sort((a, b) => a - b));
      // Five standard deviations of a Poisson count.
      expect(Math.abs(countIn(times, 0, 10_000) - 500)).toBeLessThan(5 * Math.sqrt(500));
      expect(Math.abs(countIn(times, 10_000, 20_000) - 3000)).toBeLessThan(5 * Math.sqrt(3000));
      expect(Math.abs(countIn(times, 20_000, 30_000) - 500)).toBeLessThan(5 * Math.sqrt(500));
      expect(times.at(-1)).toBeLessThan(30_000);
    });
  }

  test('leaves what comes before it as it is without', () => {
    const { steps: _, ...steady } = stepped('poisson');
    const without = arrivalTimes(steady, 10_000, seededRandom(8));
    const beforeStep = arrivalTimes(stepped('poisson'), 30_000, seededRandom(8)).filter(
      (time) => time < 10_000,
    );
    expect(beforeStep).toEqual(without);
  });

  test('that lies behind the end changes nothing', () => {
    const steps = [{ atMs: 5000, rateRps: 999 }];
    const { steps: _, ...steady } = stepped('fixed-count');
    expect(arrivalTimes({ ...steady, steps }, 5000, seededRandom(1))).toEqual(
      arrivalTimes(steady, 5000, seededRandom(1)),
    );
  });
});
