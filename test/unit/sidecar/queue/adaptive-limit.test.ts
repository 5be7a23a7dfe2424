import { describe, expect, it } from 'vitest';
import type { AdaptiveConcurrency } from '../../../../src/core/index.ts';
import { type Conditions, SimulatedApplication } from './simulated-application.ts';

const ALGORITHMS = ['gradient', 'vegas'] as const;
const SEEDS = [1, 2, 3];

function settings(adaptive: AdaptiveConcurrency['adaptive'], more: Partial<AdaptiveConcurrency> = {}) {
  return { adaptive, initial: 8, min: 2, max: 256, windowMs: 100, probeIntervalMs: 10_000, ...more };
}

/** Capacity 800 requests a second, offered twice that. */
const OVERLOADED: Conditions = { ratesRps: [1600], serviceMs: [10], workers: 8, service: 'constant' };

for (const adaptive of ALGORITHMS) {
  describe(`the ${adaptive} limit`, () => {
    for (const service of ['constant', 'exponential'] as const) {
      for (const initial of [2, 8, 200]) {
        it(`comes to rest near the knee from ${initial} on, with ${service} service times`, () => {
          for (const seed of SEEDS) {
            const one = new SimulatedApplication(
              settings(adaptive, { initial }),
              { ...OVERLOADED, service },
              seed,
            );
            one.run(40_000);
            // The knee is at 8: less leaves workers idle, more only queues inside.
            const limit = one.meanLimit(20_000, 40_000);
            expect(limit).toBeGreaterThan(8);
            expect(limit).toBeLessThan(13);
            expect(one.throughput(20_000, 40_000)).toBeGreaterThan(0.93 * 800);
          }
        });
      }
    }

    it('follows when workers go and come', () => {
      for (const seed of SEEDS) {
        const one = new SimulatedApplication(settings(adaptive), { ...OVERLOADED, workers: 16 }, seed);
        one.run(20_000);
        const many = one.meanLimit(10_000, 20_000);
        one.conditions = { ...one.conditions, workers: 4 };
        one.run(40_000);
        const few = one.meanLimit(30_000, 40_000);
        one.conditions = { ...one.conditions, workers: 16 };
        one.run(60_000);
        const again = one.meanLimit(50_000, 60_000);
        expect(few).toBeLessThan(9);
        expect(many).toBeGreaterThan(15);
        expect(again).toBeGreaterThan(15);
      }
    });

    it('takes an application that becomes slower for slower, and not for overloaded', () => {
      for (const seed of SEEDS) {
        const one = new SimulatedApplication(settings(adaptive), OVERLOADED, seed);
        one.run(20_000);
        one.conditions = { ...OVERLOADED, serviceMs: [30] };
        one.run(50_000);
        expect(one.throughput(35_000, 50_000)).toBeGreaterThan((0.9 * 800) / 3);
        one.conditions = OVERLOADED;
        one.run(80_000);
        expect(one.throughput(65_000, 80_000)).toBeGreaterThan(0.9 * 800);
        expect(one.meanLimit(65_000, 80_000)).toBeLessThan(16);
      }
    });

    it('does not take a lasting overload for normal', () => {
      const one = new SimulatedApplication(settings(adaptive), OVERLOADED, 4);
      one.run(120_000);
      const late = one.moments.filter(({ atMs }) => atMs > 20_000);
      for (const { baselineMs } of late) {
        expect(baselineMs[0]).toBeGreaterThan(8);
        expect(baselineMs[0]).toBeLessThan(13);
      }
      expect(one.meanLimit(70_000, 120_000)).toBeLessThan(1.2 * one.meanLimit(20_000, 70_000));
    });

    it('does not grow while nobody needs it', () => {
      const quiet = { ...OVERLOADED, ratesRps: [200] };
      const one = new SimulatedApplication(settings(adaptive), quiet, 5);
      one.run(60_000);
      expect(Math.max(...one.moments.map(({ limit }) => limit))).toBeLessThanOrEqual(12);
      expect(one.throughput(10_000, 60_000)).toBeGreaterThan(0.95 * 200);
    });

    it('does not take another mix of classes for a queue', () => {
      // Requests of one class take ten times as long as those of the other; nothing ever queues inside.
      const mixed: Conditions = { ratesRps: [600, 10], serviceMs: [5, 50], workers: 64, service: 'constant' };
      const one = new SimulatedApplication(settings(adaptive, { initial: 32 }), mixed, 6);
      one.run(20_000);
      one.conditions = { ...mixed, ratesRps: [100, 300] };
      one.run(40_000);
      expect(one.meanLimit(21_000, 40_000)).toBeGreaterThan(24);
      expect(one.throughput(25_000, 40_000)).toBeGreaterThan(0.95 * 400);
    });
  });
}

describe('any limit', () => {
  it('gives the same for the same seed', () => {
    const run = () => {
      const one = new SimulatedApplication(settings('gradient'), OVERLOADED, 9);
      one.run(5000);
      return one.moments;
    };
    expect(run()).toEqual(run());
  });

  it('keeps its bounds', () => {
    for (const adaptive of ALGORITHMS) {
      const one = new SimulatedApplication(settings(adaptive, { min: 3, initial: 4, max: 6 }), OVERLOADED, 1);
      one.run(20_000);
      for (const { limit } of one.moments) {
        expect(limit).toBeGreaterThanOrEqual(3);
        expect(limit).toBeLessThanOrEqual(6);
      }
    }
  });
});
