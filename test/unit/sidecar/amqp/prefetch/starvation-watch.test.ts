import { describe, expect, it } from 'vitest';
import { StarvationWatch } from '../../../../../src/sidecar/amqp/prefetch/index.ts';

const OPTIONS = { classes: 3, starvationMs: 1000, maxReach: 32 };
const none = (_classIndex: number): number => 0;
const only =
  (classIndex: number, count = 1) =>
  (other: number): number =>
    other === classIndex ? count : 0;

/** A consumer whose window is full of the most important class. */
function busy(watch: StarvationWatch, fromMs: number, toMs: number, held = none): void {
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += 10) {
    watch.settled(nowMs, held);
    watch.delivered(0, nowMs, held);
    watch.handedOut(0, nowMs);
    watch.tick(nowMs, 0, held);
  }
}

describe('a starvation watch', () => {
  it('reaches when less important classes have had nothing for long, doubling', () => {
    const watch = new StarvationWatch(OPTIONS, 0);
    busy(watch, 0, 990);
    expect(watch.reach).toBe(0);
    busy(watch, 1000, 1000);
    expect(watch.reach).toBe(4);
    watch.tick(1001, 4, none);
    expect(watch.reach).toBe(4);
    watch.tick(1002, 0, none);
    expect(watch.reach).toBe(8);
  });

  it('gives up at the limit, counts it, and waits longer each time', () => {
    const watch = new StarvationWatch(OPTIONS, 0);
    busy(watch, 0, 1100);
    expect(watch.snapshot()).toMatchObject({ reaches: 1, beyondReach: 1 });
    busy(watch, 1110, 2000);
    expect(watch.snapshot().reaches).toBe(1);
    busy(watch, 2010, 9000);
    const { reaches, beyondReach } = watch.snapshot();
    expect(reaches).toBe(beyondReach);
    expect(reaches).toBeLessThan(5);
    expect(reaches).toBeGreaterThan(1);
  });

  it('ends when the broker has nothing more', () => {
    const watch = new StarvationWatch(OPTIONS, 0);
    busy(watch, 0, 1000);
    expect(watch.reach).toBe(4);
    // Places stay free, long after they were asked for or settled.
    for (const nowMs of [1030, 1060, 1090]) watch.tick(nowMs, 4, none);
    busy(watch, 1100, 1500);
    expect(watch.reach).toBe(0);
    expect(watch.snapshot()).toMatchObject({ reaches: 1, beyondReach: 0, turns: 0 });
  });

  it('never begins while places stay free', () => {
    const watch = new StarvationWatch(OPTIONS, 0);
    for (let nowMs = 0; nowMs < 10_000; nowMs += 100) {
      watch.handedOut(0, nowMs);
      watch.tick(nowMs, 3, none);
    }
    expect(watch.snapshot().reaches).toBe(0);
  });

  it('knows from a message that no more important one waited', () => {
    const watch = new StarvationWatch({ ...OPTIONS, maxReach: 0 }, 0);
    busy(watch, 0, 900);
    watch.delivered(2, 900, none);
    // Class 1 starves from 1900 on; class 2 is held and starves from 1000 on.
    expect(watch.turn(1000, only(1))).toBe(-1);
    expect(watch.turn(1000, only(2))).toBe(2);
    expect(watch.turn(1900, only(1))).toBe(1);
  });

  it('gives each class its turn once in a period, the one that starved longer first', () => {
    const watch = new StarvationWatch(OPTIONS, 0);
    const both = (classIndex: number): number => (classIndex === 0 ? 0 : 5);
    watch.handedOut(1, 100);
    expect(watch.turn(1200, both)).toBe(2);
    watch.handedOut(2, 1200);
    expect(watch.turn(1200, both)).toBe(1);
    watch.handedOut(1, 1200);
    expect(watch.turn(2199, both)).toBe(-1);
    expect(watch.turn(2200, both)).toBeGreaterThan(0);
    expect(watch.snapshot().turns).toBe(2);
  });

  it('lets go of the reach slowly, and not of places that are taken by what waits for its turn', () => {
    const watch = new StarvationWatch(OPTIONS, 0);
    busy(watch, 0, 1010);
    expect(watch.reach).toBe(8);
    const parked = (classIndex: number): number => [0, 2, 1][classIndex] ?? 0;
    busy(watch, 1020, 1020, parked);
    for (let settled = 0; settled < 8; settled += 1) watch.settled(1020, parked);
    expect(watch.reach).toBe(4);
    for (let settled = 0; settled < 100; settled += 1) watch.settled(1020, parked);
    expect(watch.reach).toBe(3);
    // The first goes out by a turn, the second because nothing more important is left.
    watch.handedOut(1, 1030);
    for (let settled = 0; settled < 100; settled += 1) watch.settled(1030, parked);
    expect(watch.reach).toBe(3);
    watch.handedOut(1, 1031);
    for (let settled = 0; settled < 100; settled += 1) watch.settled(1040, parked);
    expect(watch.reach).toBe(1);
  });

  it('does nothing without a bound', () => {
    const watch = new StarvationWatch({ ...OPTIONS, starvationMs: Infinity }, 0);
    busy(watch, 0, 20_000);
    expect([watch.reach, watch.turn(20_000, only(2))]).toEqual([0, -1]);
  });
});
