import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttemptBudget } from '../../../../src/sidecar/resilience/attempt-budget.ts';
import { Breaker } from '../../../../src/sidecar/resilience/breaker.ts';
import { Bulkhead } from '../../../../src/sidecar/resilience/bulkhead.ts';
import { LatencyWindow } from '../../../../src/sidecar/resilience/latency-window.ts';
import { SlidingCount } from '../../../../src/sidecar/resilience/sliding-count.ts';
import { TokenBuckets } from '../../../../src/sidecar/resilience/token-buckets.ts';

const WINDOW_MS = 1000;
const PART_MS = WINDOW_MS / 10;

/** What happened when, over time that only goes on. */
const steps = <T>(what: fc.Arbitrary<T>) =>
  fc.array(fc.record({ afterMs: fc.oneof(fc.nat(20), fc.nat(400), fc.nat(5000)), what }), { maxLength: 200 });

/** Of the dates, those that lie in the ten parts of the window that end with the part of `nowMs`. */
function inWindow(dates: readonly number[], nowMs: number): number {
  const last = Math.floor(nowMs / PART_MS);
  return dates.filter((ms) => Math.floor(ms / PART_MS) > last - 10).length;
}

describe('a sliding count', () => {
  it('is what happened in the window, to a tenth of it', () => {
    fc.assert(
      fc.property(steps(fc.boolean()), (all) => {
        const count = new SlidingCount(WINDOW_MS);
        const dates: number[] = [];
        let nowMs = 50_000;
        for (const { afterMs, what } of all) {
          nowMs += afterMs;
          if (what) {
            count.add(1, nowMs);
            dates.push(nowMs);
          }
          expect(count.sum(nowMs)).toBe(inWindow(dates, nowMs));
        }
      }),
    );
  });
});

describe('a budget of attempts', () => {
  it('is never exceeded in any window, and not refused below it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 0, max: 20 }),
        steps(fc.constantFrom('request', 'take')),
        (percent, minPerSecond, all) => {
          const budget = new AttemptBudget(percent, minPerSecond, WINDOW_MS);
          const requests: number[] = [];
          const taken: number[] = [];
          let nowMs = 50_000;
          for (const { afterMs, what } of all) {
            nowMs += afterMs;
            if (what === 'request') {
              budget.request(nowMs);
              requests.push(nowMs);
              continue;
            }
            const allowed = (percent / 100) * inWindow(requests, nowMs) + minPerSecond;
            const before = inWindow(taken, nowMs);
            expect(budget.take(nowMs)).toBe(before + 1 <= allowed);
            if (before + 1 <= allowed) taken.push(nowMs);
          }
        },
      ),
    );
  });

  it('of nothing gives nothing', () => {
    const budget = new AttemptBudget(0, 0, WINDOW_MS);
    for (let index = 0; index < 100; index += 1) budget.request(index);
    expect(budget.take(100)).toBe(false);
  });
});

describe('token buckets', () => {
  const PER_SECOND = 10;

  it('let no tenant have more than his burst and what has come in since', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), steps(fc.constantFrom('a', 'b', 'c')), (burst, all) => {
        const buckets = new TokenBuckets(PER_SECOND, burst, 3);
        const taken = new Map<string, number[]>();
        let nowMs = 1000;
        for (const { afterMs, what } of all) {
          nowMs += afterMs;
          const waitMs = buckets.take(what, nowMs);
          const mine = taken.get(what) ?? [];
          taken.set(what, mine);
          if (waitMs > 0) {
            // The word is kept: then there is a token.
            expect(waitMs).toBeLessThanOrEqual(1000 / PER_SECOND);
            continue;
          }
          mine.push(nowMs);
          for (const [index, sinceMs] of mine.entries()) {
            const count = mine.length - index;
            expect(count).toBeLessThanOrEqual(burst + ((nowMs - sinceMs) * PER_SECOND) / 1000 + 1e-6);
          }
        }
      }),
    );
  });

  it('tell when there is a token again', () => {
    const buckets = new TokenBuckets(PER_SECOND, 1, 1);
    expect(buckets.take('a', 0)).toBe(0);
    const waitMs = buckets.take('a', 30);
    expect(waitMs).toBeCloseTo(70);
    expect(buckets.take('a', 30 + waitMs + 0.001)).toBe(0);
  });

  it('forget who was seen longest ago, and count that', () => {
    const buckets = new TokenBuckets(0.001, 1, 2);
    expect([buckets.take('a', 0), buckets.take('b', 0), buckets.take('a', 0) > 0]).toEqual([0, 0, true]);
    expect([buckets.take('c', 0), buckets.tenants, buckets.evicted]).toEqual([0, 2, 1]);
    expect(buckets.take('a', 0)).toBeGreaterThan(0);
    expect(buckets.take('b', 0)).toBe(0);
    for (let index = 0; index < 1000; index += 1) buckets.take(String(index), 0);
    expect(buckets.tenants).toBe(2);
  });
});

describe('a bulkhead', () => {
  it('is never fuller than it may be, and gives every place back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.tuple(fc.nat(1), fc.boolean()), { maxLength: 100 }),
        (concurrency, percent, all) => {
          const bulkhead = new Bulkhead({ concurrency, sharePercent: { low: percent } }, ['high', 'low']);
          const most = [concurrency, Math.max(1, Math.floor((concurrency * percent) / 100))];
          const held = [0, 0];
          for (const [classIndex, comes] of all) {
            const mine = held[classIndex] as number;
            if (!comes) {
              if (mine > 0) {
                bulkhead.leave(classIndex);
                held[classIndex] = mine - 1;
              }
              continue;
            }
            const room =
              held.reduce((sum, one) => sum + one, 0) < concurrency && mine < (most[classIndex] as number);
            expect(bulkhead.enter(classIndex)).toBe(room);
            if (room) held[classIndex] = mine + 1;
          }
        },
      ),
    );
  });
});

describe('a breaker', () => {
  const settings = { percent: 50, minRequests: 4, windowMs: WINDOW_MS, openMs: 500, probes: 2 };

  it('opens at the share, with the least number, and not before', () => {
    const breaker = new Breaker(settings);
    breaker.ended(false, 10);
    breaker.ended(false, 10);
    breaker.ended(true, 10);
    expect(breaker.open).toBe(false);
    breaker.ended(true, 10);
    expect([breaker.open, breaker.opened]).toEqual([true, 1]);
  });

  it('forgets failures that lie further back than its window', () => {
    const breaker = new Breaker(settings);
    for (let index = 0; index < 3; index += 1) breaker.ended(true, 10);
    breaker.ended(true, 10 + 2 * WINDOW_MS);
    expect(breaker.open).toBe(false);
  });

  it('lets probes through one after the other, and closes when all have succeeded', () => {
    const breaker = new Breaker(settings);
    for (let index = 0; index < 4; index += 1) breaker.ended(true, 0);
    expect(breaker.pass(499)).toBe('open');
    expect([breaker.pass(500), breaker.pass(500), breaker.pass(500)]).toEqual(['probe', 'probe', 'open']);
    breaker.probed(false, 510);
    expect([breaker.open, breaker.pass(510)]).toEqual([true, 'open']);
    breaker.probed(false, 520);
    expect([breaker.open, breaker.pass(520)]).toEqual([false, 'closed']);
  });

  it('opens again when a probe fails, and gives the place back of one that says nothing', () => {
    const breaker = new Breaker(settings);
    for (let index = 0; index < 4; index += 1) breaker.ended(true, 0);
    expect(breaker.pass(500)).toBe('probe');
    breaker.probed(undefined, 500);
    expect([breaker.pass(500), breaker.pass(500), breaker.pass(500)]).toEqual(['probe', 'probe', 'open']);
    breaker.probed(true, 600);
    expect([breaker.pass(1099), breaker.opened]).toEqual(['open', 2]);
    // The other probe of the first time ends now: it says nothing of this one.
    breaker.probed(false, 1000);
    expect(breaker.open).toBe(true);
  });
});

describe('a latency window', () => {
  it('knows nothing of few answers, and only of those that came lately', () => {
    const window = new LatencyWindow();
    for (let index = 0; index < 19; index += 1) window.record(10, 1000);
    expect(window.quantileMs(0.5, 1000)).toBe(Number.POSITIVE_INFINITY);
    for (let index = 0; index < 81; index += 1) window.record(index < 75 ? 10 : 100, 1000);
    expect(window.quantileMs(0.9, 1000)).toBeGreaterThan(9.6);
    expect(window.quantileMs(0.9, 1000)).toBeLessThan(10.5);
    expect(window.quantileMs(0.99, 1000)).toBeGreaterThan(96);
    expect(window.quantileMs(0.9, 12_000)).toBeLessThan(10.5);
    expect(window.quantileMs(0.9, 60_000)).toBe(Number.POSITIVE_INFINITY);
  });
});
