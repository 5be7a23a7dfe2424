import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { QueueCounters } from '../../../src/sdn-bridge/estimator/counters.ts';
import { LinkEstimator } from '../../../src/sdn-bridge/estimator/link-estimator.ts';
import { CLASSES, HINTS } from './classes.ts';

/** 8 Mbit/s: 1,000 bytes a millisecond. */
const RATE_BPS = 8_000_000;

function estimator(smoothingMs = 0): LinkEstimator {
  return new LinkEstimator({ classes: CLASSES, settings: { ...HINTS, smoothingMs }, rateBps: RATE_BPS });
}

function counters(bytes: number, backlogBytes = 0, drops = 0): QueueCounters {
  return { bytes, packets: bytes / 1000, drops, backlogBytes };
}

describe('a port with one queue for all', () => {
  test('delays every class by all that waits', () => {
    const link = estimator();
    link.queue({ timeMs: 0, total: counters(0), classes: [] });
    link.queue({ timeMs: 20, total: counters(20_000, 10_000), classes: [] });
    const { utilization, classes } = link.estimate(20) ?? {};
    expect(utilization).toBe(1);
    expect(classes).toEqual([
      { level: 0.5, queueingDelayMs: 10, utilization: 0, lossRatio: 0 },
      { level: 0.5, queueingDelayMs: 10, utilization: 0, lossRatio: 0 },
    ]);
  });

  test('takes what each class sends from the marks that the switch counts', () => {
    const link = estimator();
    link.queue({ timeMs: 0, total: counters(0), classes: [] });
    link.queue({ timeMs: 20, total: counters(20_000), classes: [] });
    link.counted({ timeMs: 500, bytes: 0, packets: 0, drops: 0, classBytes: [0, 0] }, 0);
    link.counted({ timeMs: 520, bytes: 9, packets: 9, drops: 0, classBytes: [5000, undefined] }, 20);
    expect(link.estimate(20)?.classes.map(({ utilization }) => utilization)).toEqual([0.25, 0]);
  });

  test('is congested where packets are lost, however short the queue', () => {
    const link = estimator();
    link.queue({ timeMs: 0, total: counters(0), classes: [] });
    link.queue({ timeMs: 20, total: counters(9000, 0, 1), classes: [] });
    expect(link.estimate(20)?.classes[0]).toMatchObject({ level: 1, lossRatio: 0.1 });
  });
});

describe('a port with a queue for each class', () => {
  test('does not delay a class by what is less important', () => {
    const link = estimator();
    link.queue({ timeMs: 20, total: counters(0, 50_000), classes: [counters(0), counters(0, 50_000)] });
    expect(link.estimate(20)?.classes.map(({ level }) => level)).toEqual([0, 1]);
  });

  test('delays a class by what is more important', () => {
    const link = estimator();
    link.queue({ timeMs: 20, total: counters(0), classes: [counters(0, 8000), counters(0, 1000)] });
    expect(link.estimate(20)?.classes.map(({ queueingDelayMs }) => queueingDelayMs)).toEqual([8, 9]);
  });

  test('takes a class that always had packets waiting to be served as it was', () => {
    const link = estimator();
    const classes = (ms: number): QueueCounters[] => [counters(750 * ms, 9000), counters(250 * ms, 5000)];
    link.queue({ timeMs: 0, total: counters(0), classes: classes(0) });
    link.queue({ timeMs: 20, total: counters(20_000), classes: classes(20) });
    // Interactive is never taken to be slower than its guarantee of 900 bytes a millisecond.
    expect(link.estimate(20)?.classes.map(({ queueingDelayMs }) => queueingDelayMs)).toEqual([10, 20]);
  });

  test('does not wait for ever behind more important traffic: the guarantee bounds the delay', () => {
    const link = estimator();
    link.queue({ timeMs: 20, total: counters(0), classes: [counters(0, 1e6), counters(0, 1000)] });
    expect(link.estimate(20)?.classes[1]?.queueingDelayMs).toBe(10);
  });

  test('treats a class without a queue there as all that waits', () => {
    const link = estimator();
    link.queue({ timeMs: 20, total: counters(0, 10_000), classes: [undefined, counters(0)] });
    expect(link.estimate(20)?.classes.map(({ queueingDelayMs }) => queueingDelayMs)).toEqual([10, 0]);
  });
});

describe('a link whose queue nobody sees', () => {
  test.each([
    [0.9, 0],
    [0.95, 0],
    [0.975, 0.5],
    [1, 1],
  ])('used by %d of its rate has level %d', (used, level) => {
    const link = estimator();
    const none = { packets: 0, drops: 0, classBytes: [] };
    link.counted({ timeMs: 0, bytes: 0, ...none }, 100);
    link.counted({ timeMs: 1000, bytes: used * 1e6, ...none }, 110);
    const seen = link.estimate(110);
    expect(seen?.utilization).toBeCloseTo(used, 9);
    for (const one of seen?.classes ?? []) expect(one.level).toBeCloseTo(level, 9);
  });

  test('starts anew when the source was restarted', () => {
    const link = estimator();
    const none = { packets: 0, drops: 0, classBytes: [] };
    link.counted({ timeMs: 1000, bytes: 1e6, ...none }, 100);
    link.counted({ timeMs: 10, bytes: 1e9, ...none }, 120);
    expect(link.estimate(120)?.utilization).toBe(0);
    link.counted({ timeMs: 30, bytes: 1e9 + 10_000, ...none }, 140);
    expect(link.estimate(140)?.utilization).toBe(0.5);
  });
});

describe('time', () => {
  test('smooths with the time constant', () => {
    const link = estimator(40);
    for (let ms = 0; ms <= 40; ms += 20) {
      link.queue({ timeMs: ms, total: counters(0, 1e6), classes: [] });
      link.estimate(ms);
    }
    link.queue({ timeMs: 60, total: counters(0, 1e6), classes: [] });
    expect(link.estimate(60)?.classes[0]?.level).toBeCloseTo(1 - Math.exp(-80 / 40), 9);
  });

  test('knows nothing when the readings are old', () => {
    const link = estimator();
    expect(link.estimate(0)).toBeUndefined();
    link.queue({ timeMs: 0, total: counters(0), classes: [] });
    expect(link.estimate(200)).toBeDefined();
    expect(link.estimate(201)).toBeUndefined();
  });

  test('takes no reading twice, and none that is older', () => {
    const link = estimator();
    link.queue({ timeMs: 0, total: counters(0), classes: [] });
    link.queue({ timeMs: 20, total: counters(10_000), classes: [] });
    link.queue({ timeMs: 10, total: counters(0), classes: [] });
    link.queue({ timeMs: 20, total: counters(0), classes: [] });
    expect(link.estimate(20)?.utilization).toBe(0.5);
  });
});

test('whatever is counted, every figure is finite and in its range', () => {
  const amount = fc.oneof(fc.nat(), fc.constantFrom(0, 1e18, Number.MAX_SAFE_INTEGER));
  const queue = fc.record({ bytes: amount, packets: amount, drops: amount, backlogBytes: amount });
  const step = fc.record({
    elapsedMs: fc.constantFrom(0, 1, 20, 100, 1000),
    total: queue,
    classes: fc.array(fc.option(queue, { nil: undefined }), { maxLength: 3 }),
    counted: fc.option(fc.record({ timeMs: fc.integer({ min: -5, max: 5000 }), bytes: amount })),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.constantFrom(0, 40), (steps, smoothingMs) => {
      const link = estimator(smoothingMs);
      let nowMs = 0;
      for (const { elapsedMs, total, classes, counted } of steps) {
        nowMs += elapsedMs;
        link.queue({ timeMs: nowMs, total, classes });
        if (counted !== null)
          link.counted({ ...counted, packets: 0, drops: 0, classBytes: [counted.bytes] }, nowMs);
        const seen = link.estimate(nowMs);
        const ratios = [
          seen?.utilization,
          ...(seen?.classes ?? []).flatMap(({ level, utilization, lossRatio }) => [
            level,
            utilization,
            lossRatio,
          ]),
        ];
        for (const ratio of ratios) {
          expect(ratio).toBeGreaterThanOrEqual(0);
          expect(ratio).toBeLessThanOrEqual(1);
        }
        for (const { queueingDelayMs } of seen?.classes ?? []) {
          expect(Number.isFinite(queueingDelayMs) && queueingDelayMs >= 0).toBe(true);
        }
      }
    }),
  );
});
