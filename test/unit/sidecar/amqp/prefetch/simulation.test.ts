import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../../../../src/core/index.ts';
import { type SimulationSettings, simulate } from './simulation.ts';

const SERVICE_MS = 20;
/** A second of warm-up is 50 services. */
const WARM_UP_MS = 8_000;
const DURATION_MS = 30_000;
/** Of the workers' time, what interactive messages take. */
const INTERACTIVE_LOAD = 0.3;

type Draw = (meanMs: number, random: Random) => number;

const DISTRIBUTIONS: Record<string, Draw> = {
  'nearly constant': (meanMs, random) => meanMs * (0.95 + 0.1 * random.next()),
  uniform: (meanMs, random) => meanMs * (0.5 + random.next()),
  exponential: (meanMs, random) => random.exponential(meanMs),
};

/** Batch that never ends and Poisson interactive messages, which take `1/ratio` of a batch message's time. */
function settings(
  seed: number,
  workers: number,
  draw: Draw,
  ratio: number,
): Omit<SimulationSettings, 'prefetch'> {
  const interactiveMs = SERVICE_MS / ratio;
  return {
    random: seededRandom(seed),
    serviceMs: (classIndex, _nowMs, random) => draw(classIndex === 0 ? interactiveMs : SERVICE_MS, random),
    workers: () => workers,
    roundTripMs: 0.2,
    loopbackMs: 0.1,
    interactiveRps: () => (INTERACTIVE_LOAD * workers * 1000) / interactiveMs,
    batch: () => true,
    durationMs: DURATION_MS,
    warmUpMs: WARM_UP_MS,
  };
}

describe('governed prefetch in the model', () => {
  for (const [name, draw] of Object.entries(DISTRIBUTIONS)) {
    it.each([1, 2, 3, 4, 6, 8, 12, 16])(
      `${name} services, %i workers: throughput, wait and window`,
      (workers) => {
        for (const [ratio, roundTripMs] of [
          [1, 0.1],
          [1, 2],
          [1, 20],
          [5, 0.2],
          [5, 5],
        ] as const) {
          const each = settings(workers + 100 * ratio, workers, draw, ratio);
          const what = `ratio ${ratio}, round trip ${roundTripMs} ms`;
          const governed = simulate({ ...each, roundTripMs, prefetch: 'governed' });
          const unlimited = simulate({ ...each, roundTripMs, prefetch: 1000 });
          // The least wait there is: as many as there are workers, and the broker next door.
          const least = simulate({ ...each, roundTripMs: 0.1, prefetch: workers });

          expect(governed.utilization / unlimited.utilization, what).toBeGreaterThan(0.97);
          const boundMs = least.interactiveWaitMs + 1.5 * roundTripMs + 1.2 * SERVICE_MS;
          expect(governed.interactiveWaitMs, what).toBeLessThan(boundMs);
          expect(governed.interactiveWaitMs, what).toBeLessThan(unlimited.interactiveWaitMs / 4);
          expect(governed.meanWindow, what).toBeGreaterThan(workers - 0.5);
          expect(governed.meanWindow, what).toBeLessThan(workers + 2 + workers / 8);
          expect(governed.qosChanges, what).toBeLessThan(100);
          expect(governed.stalls, what).toBe(0);
        }
      },
    );
  }

  const fewWorkers = settings(7, 4, DISTRIBUTIONS['uniform'] as Draw, 5);

  it('follows workers from 4 to 1 to 8', () => {
    const workers = (nowMs: number): number => (nowMs < 20_000 ? 4 : nowMs < 40_000 ? 1 : 8);
    const result = simulate({
      ...fewWorkers,
      workers,
      interactiveRps: (nowMs) => 60 * workers(nowMs),
      durationMs: 60_000,
      prefetch: 'governed',
    });
    const window = [19_000, 30_000, 39_000, 50_000, 59_000].map((ms) => result.windowAt(ms));
    const [four, one, stillOne, eight, stillEight] = window as [number, number, number, number, number];
    for (const [at, low, high] of [
      [four, 4, 6],
      [one, 1, 3],
      [stillOne, 1, 3],
      [eight, 8, 11],
      [stillEight, 8, 11],
    ] as const) {
      expect(at, String(window)).toBeGreaterThanOrEqual(low);
      expect(at, String(window)).toBeLessThanOrEqual(high);
    }
    expect(result.utilization).toBeGreaterThan(0.96);
  });

  it('takes longer services for what they are, and not for waiting', () => {
    const draw = DISTRIBUTIONS['uniform'] as Draw;
    const result = simulate({
      ...fewWorkers,
      serviceMs: (classIndex, nowMs, random) =>
        draw((nowMs > 15_000 ? 3 : 1) * (classIndex === 0 ? 4 : SERVICE_MS), random),
      interactiveRps: () => 75,
      prefetch: 'governed',
    });
    expect(result.utilization).toBeGreaterThan(0.95);
    expect(result.windowAt(29_000)).toBeGreaterThanOrEqual(4);
  });

  it('keeps its window through idle time, and is not driven by what does not saturate', () => {
    const idle = (nowMs: number): boolean => nowMs > 12_000 && nowMs < 22_000;
    const result = simulate({
      ...fewWorkers,
      batch: (nowMs) => !idle(nowMs),
      interactiveRps: (nowMs) => (idle(nowMs) ? 100 : 300),
      prefetch: 'governed',
    });
    const seen = [11_900, 13_000, 16_000, 21_900].map((ms) => result.windowAt(ms));
    expect(Math.max(...seen) - Math.min(...seen), String(seen)).toBeLessThanOrEqual(2);
    const light = simulate({
      ...fewWorkers,
      batch: () => false,
      interactiveRps: () => 200,
      prefetch: 'governed',
    });
    expect(light.interactiveWaitMs).toBeLessThan(SERVICE_MS / 4);
  });

  it('does not starve workers of clients that acknowledge in batches or late', () => {
    const one = settings(3, 1, DISTRIBUTIONS['uniform'] as Draw, 5);
    const utilization = (more: Partial<SimulationSettings>): number =>
      simulate({ ...one, warmUpMs: 15_000, ...more, prefetch: 'governed' }).utilization;
    expect(utilization({ ackEvery: 10 })).toBeGreaterThan(0.95);
    expect(utilization({ ackEvery: 10, clientPrefetch: 10 })).toBeGreaterThan(0.95);
    expect(utilization({ ackFlushMs: 100 })).toBeGreaterThan(0.95);
    expect(utilization({ workers: () => 4, ackEvery: 10 })).toBeGreaterThan(0.75);
  });

  it('never gives a client more than it asked for', () => {
    for (const clientPrefetch of [1, 10]) {
      const result = simulate({ ...fewWorkers, clientPrefetch, prefetch: 'governed' });
      const asked = simulate({ ...fewWorkers, prefetch: clientPrefetch });
      expect(result.meanWindow).toBeLessThanOrEqual(clientPrefetch);
      expect(result.settledAll / asked.settledAll).toBeGreaterThan(0.97);
    }
  });

  it('does not take a client that begins with the newest for one with endless workers', () => {
    const newestFirst = {
      ...settings(1, 4, DISTRIBUTIONS['nearly constant'] as Draw, 5),
      buffer: 'lifo',
    } as const;
    const result = simulate({ ...newestFirst, prefetch: 'governed' });
    expect(result.windowAt(29_000)).toBeLessThan(12);
  });

  it('gives jobs of half a minute a few, not what a batch of acknowledgements would need', () => {
    const result = simulate({
      ...settings(11, 2, DISTRIBUTIONS['uniform'] as Draw, 5),
      serviceMs: (classIndex, _nowMs, random) => (classIndex === 0 ? 6_000 : 30_000) * (0.5 + random.next()),
      interactiveRps: () => 0.02,
      durationMs: 1_800_000,
      warmUpMs: 600_000,
      prefetch: 'governed',
    });
    expect(result.windowAt(20_000)).toBeLessThanOrEqual(16);
    expect(result.meanWindow).toBeLessThan(5);
    expect(result.utilization).toBeGreaterThan(0.9);
  });

  it('bounds how long batch waits behind interactive messages, as far as it reaches', () => {
    const overload: Omit<SimulationSettings, 'prefetch'> = {
      ...settings(1, 4, DISTRIBUTIONS['uniform'] as Draw, 1),
      interactiveRps: () => 200,
      starvationMs: 2000,
    };
    const bounded = simulate({ ...overload, prefetch: 'governed' });
    const unbounded = simulate({ ...overload, starvationMs: Infinity, prefetch: 'governed' });
    const beyond = simulate({ ...overload, interactiveRps: () => 220, maxReach: 8, prefetch: 'governed' });
    expect(unbounded.longestBatchGapMs).toBeGreaterThan(8_000);
    expect(bounded.longestBatchGapMs).toBeLessThan(2_500);
    expect(bounded.rps[1]).toBeLessThan(1);
    expect(beyond.beyondReach).toBeGreaterThan(0);
    expect(beyond.maxHeld).toBeLessThan(64);
  });
});
