import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ScavengerController } from '../../../src/transport/scavenger-controller.ts';
import {
  lossDrivenSender,
  mean,
  rateWithin,
  runModel,
  SEGMENT_BYTES,
  scavengerSender,
} from './link-model.ts';

const LINK = { rateBps: 20e6, baseRttMs: 10, queueBytes: 150_000 };
const SETTINGS = { targetDelayMs: 10, minRateBps: 250_000 };

describe('a scavenger alone', () => {
  it.each([1, 10, 40])('uses the link and keeps the queue near the target, round trip %i ms', (baseRttMs) => {
    const { delayMs, delivered } = runModel([scavengerSender(new ScavengerController(SETTINGS))], {
      ...LINK,
      baseRttMs,
      untilMs: 9000,
    });
    expect(rateWithin(delivered[0], 0, 9000)).toBeGreaterThan(0.9 * LINK.rateBps);
    expect(rateWithin(delivered[0], 2000, 9000)).toBeGreaterThan(0.97 * LINK.rateBps);
    const settled = mean(delayMs.slice(2000));
    expect(settled).toBeGreaterThan(3);
    expect(settled).toBeLessThan(13);
  });

  it('reaches the rate of an unknown path within a few round trips', () => {
    const { delivered } = runModel([scavengerSender(new ScavengerController(SETTINGS))], {
      ...LINK,
      untilMs: 300,
    });
    expect(rateWithin(delivered[0], 60, 160)).toBeGreaterThan(0.85 * LINK.rateBps);
  });

  it('takes up half of what it had at once after a pause, and the rest within a few round trips', () => {
    const controller = new ScavengerController(SETTINGS);
    runModel([scavengerSender(controller)], { ...LINK, untilMs: 3000 });
    const rate = controller.start(3500, 10_000, SEGMENT_BYTES);
    expect(rate).toBeGreaterThan(0.45 * LINK.rateBps);
    expect(rate).toBeLessThan(1.1 * LINK.rateBps);
  });

  it('goes on as before after a short pause, and does not forget what it had when pauses follow each other', () => {
    const controller = new ScavengerController(SETTINGS);
    runModel([scavengerSender(controller)], { ...LINK, untilMs: 3000 });
    const before = controller.rateBps;
    expect(controller.start(3020, 10_000, SEGMENT_BYTES)).toBe(before);
    const rates = [3500, 4000, 4500, 5000].map((nowMs) => controller.start(nowMs, 10_000, SEGMENT_BYTES));
    expect(Math.min(...rates)).toBeGreaterThan(0.45 * LINK.rateBps);
  });

  it('knows nothing after a long pause', () => {
    const controller = new ScavengerController(SETTINGS);
    runModel([scavengerSender(controller)], { ...LINK, untilMs: 3000 });
    expect(controller.start(100_000, 10_000, SEGMENT_BYTES)).toBeCloseTo((10 * SEGMENT_BYTES * 8) / 0.01, -2);
  });
});

describe('scavengers together', () => {
  it('share within a factor of two and keep the queue near the target', () => {
    const senders = [1, 2, 3, 4].map(() => scavengerSender(new ScavengerController(SETTINGS)));
    const { delayMs, delivered } = runModel(senders, { ...LINK, untilMs: 15_000 });
    const rates = delivered.map((bytes) => rateWithin(bytes, 8000, 15_000));
    expect(Math.max(...rates) / Math.min(...rates)).toBeLessThan(2);
    expect(mean(delayMs.slice(3000))).toBeLessThan(18);
  });

  it('let a latecomer in, and are not driven out by it', () => {
    const senders = [1, 2].map(() => scavengerSender(new ScavengerController(SETTINGS)));
    const { delivered } = runModel(senders, { ...LINK, untilMs: 40_000, beginMs: [0, 4000] });
    const rates = delivered.map((bytes) => rateWithin(bytes, 28_000, 40_000));
    expect(Math.max(...rates) / Math.min(...rates)).toBeLessThan(3);
  });
});

describe('beside a loss-driven flow', () => {
  it('a scavenger yields at once and comes back afterwards', () => {
    const { delivered } = runModel([scavengerSender(new ScavengerController(SETTINGS)), lossDrivenSender()], {
      ...LINK,
      untilMs: 12_000,
      beginMs: [0, 3000],
      endMs: [Number.POSITIVE_INFINITY, 8000],
    });
    expect(rateWithin(delivered[0], 2000, 3000)).toBeGreaterThan(0.9 * LINK.rateBps);
    expect(rateWithin(delivered[0], 4000, 8000)).toBeLessThan(0.1 * LINK.rateBps);
    expect(rateWithin(delivered[0], 8500, 12_000)).toBeGreaterThan(0.9 * LINK.rateBps);
  });
});

describe('the controller', () => {
  const sampleOf = (nowMs: number, rttUs: number, ackedBytes: number, retransmits = 0) => ({
    nowMs,
    rttUs,
    minRttUs: 10_000,
    ackedBytes,
    retransmits,
    backlogged: true,
    segmentBytes: SEGMENT_BYTES,
  });

  it('never goes below the floor, and never says anything but a finite rate', () => {
    fc.assert(
      fc.property(
        fc.record({
          targetDelayMs: fc.integer({ min: 1, max: 200 }),
          minRateBps: fc.integer({ min: 1000, max: 1e7 }),
        }),
        fc.array(
          fc.record({
            gapMs: fc.integer({ min: -5, max: 20_000 }),
            rttUs: fc.integer({ min: 0, max: 5_000_000 }),
            minRttUs: fc.integer({ min: 0, max: 5_000_000 }),
            ackedBytes: fc.integer({ min: 0, max: 1e8 }),
            retransmits: fc.integer({ min: 0, max: 100 }),
            backlogged: fc.boolean(),
            start: fc.boolean(),
          }),
          { maxLength: 60 },
        ),
        (settings, steps) => {
          const controller = new ScavengerController(settings);
          let nowMs = 1000;
          controller.start(nowMs, 500, SEGMENT_BYTES);
          for (const { gapMs, start, ...step } of steps) {
            nowMs += gapMs;
            const rate = start
              ? controller.start(nowMs, step.rttUs, SEGMENT_BYTES)
              : controller.sample({ ...step, nowMs, segmentBytes: SEGMENT_BYTES });
            expect(rate).toBeGreaterThanOrEqual(settings.minRateBps);
            expect(Number.isFinite(rate)).toBe(true);
          }
        },
      ),
    );
  });

  /** A controller in avoidance, on a path that just carried `rateBps` with the queue at the target. */
  const settled = (rateBps: number): ScavengerController => {
    const controller = new ScavengerController(SETTINGS);
    controller.start(0, 10_000, SEGMENT_BYTES);
    for (let nowMs = 10; nowMs <= 60; nowMs += 10) controller.sample(sampleOf(nowMs, 20_000, rateBps / 800));
    expect(controller.phase).toBe('avoidance');
    return controller;
  };

  it('grows by a quarter per round trip while the queue is empty', () => {
    const controller = settled(8e6);
    const first = controller.sample(sampleOf(70, 10_000, 10_000));
    const bound = controller.sample(sampleOf(80, 10_000, 10_000));
    expect(first).toBeCloseTo(1.25 * 8e6, -5);
    expect(bound).toBeLessThan(1.3 * 8e6);
    const halfWay = settled(8e6);
    const before = halfWay.sample(sampleOf(70, 20_000, 10_000));
    const after = halfWay.sample(sampleOf(80, 15_000, 10_000));
    const windowGrowth = (after * 15) / (before * 20);
    expect(windowGrowth).toBeGreaterThan(1.06);
  });

  it('makes senders of different rate equal while they see the same queue', () => {
    const controllers = [settled(16e6), settled(2e6)];
    const ratio = () => (controllers[0]?.rateBps ?? 0) / (controllers[1]?.rateBps ?? 1);
    const before = ratio();
    for (let nowMs = 70; nowMs < 450; nowMs += 10) {
      for (const controller of controllers) {
        controller.sample(sampleOf(nowMs, 21_000, controller.rateBps / 800));
      }
    }
    expect(before).toBeGreaterThan(2);
    expect(ratio()).toBeLessThan(1 + 0.7 * (before - 1));
  });

  it('halves its window on loss, once a round trip', () => {
    const controller = new ScavengerController(SETTINGS);
    controller.start(0, 10_000, SEGMENT_BYTES);
    const before = controller.sample(sampleOf(10, 10_000, 14_480));
    const first = controller.sample(sampleOf(20, 10_000, 14_480, 3));
    expect(first).toBeCloseTo(before / 2, -3);
    expect(controller.sample(sampleOf(25, 10_000, 14_480, 3))).toBeGreaterThanOrEqual(first);
  });

  it('pauses within the first second and every ten seconds, so that the base delay can be seen', () => {
    const controller = new ScavengerController(SETTINGS);
    const phases: [number, string][] = [];
    let now = 0;
    runModel(
      [
        scavengerSender(controller, () => {
          now += 10;
          if (controller.phase !== phases.at(-1)?.[1]) phases.push([now, controller.phase]);
        }),
      ],
      { ...LINK, untilMs: 25_000 },
    );
    const slowdowns = phases.filter(([, phase]) => phase === 'slowdown').map(([at]) => at);
    expect(slowdowns).toHaveLength(3);
    expect(slowdowns[0]).toBeLessThan(1000);
    expect((slowdowns[2] ?? 0) - (slowdowns[1] ?? 0)).toBeGreaterThan(9000);
  });
});
