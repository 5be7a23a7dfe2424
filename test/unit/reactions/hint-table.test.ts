import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Hint } from '../../../src/core/index.ts';
import { HintTable } from '../../../src/reactions/index.ts';
import { congestion } from './fixtures.ts';
import { anyHint } from './hint-sequences.ts';

const LINK = 's1>s2';
const said = (more: Partial<Hint> = {}): Hint => ({
  link: LINK,
  epoch: 10,
  sequence: 5,
  ttlMs: 1000,
  down: false,
  classes: { interactive: congestion(0.5, 0.2), batch: congestion(0.8, 0.3) },
  ...more,
});
const table = (capacity = 4) => new HintTable({ classes: ['interactive', 'batch'], capacity });

describe('a table of hints', () => {
  it('knows what was said until it expires', () => {
    const one = table();
    expect([one.fresh(0), one.heard(LINK, 0), one.level(LINK, 1, 0)]).toEqual([false, false, 0]);
    expect(one.accept(said(), 0)).toBe('taken');
    expect([one.level(LINK, 0, 999), one.level(LINK, 1, 999), one.level(LINK, 7, 999)]).toEqual([
      0.5, 0.8, 0,
    ]);
    expect(one.utilization(LINK, 1, 999)).toBe(0.3);
    expect(one.totalUtilization(LINK, 999)).toBe(0.5);
    expect([one.fresh(1000), one.heard(LINK, 1000), one.level(LINK, 1, 1000)]).toEqual([false, false, 0]);
  });

  it('takes a class that is not named for calm, and a link that is down for congested and dead', () => {
    const one = table();
    one.accept(said({ classes: { batch: congestion(0.8) } }), 0);
    expect(one.level(LINK, 0, 1)).toBe(0);
    one.accept(said({ sequence: 6, down: true, classes: {} }), 1);
    expect([one.level(LINK, 0, 2), one.dead(LINK, 2)]).toEqual([1, true]);
    expect([one.level(LINK, 0, 1001), one.dead(LINK, 1001)]).toEqual([0, false]);
  });

  it('believes what is said of all traffic, and never less than what its classes take', () => {
    const one = table();
    one.accept(said({ utilization: 0.9 }), 0);
    expect(one.totalUtilization(LINK, 1)).toBe(0.9);
    one.accept(said({ sequence: 6, utilization: 0.1 }), 0);
    expect(one.totalUtilization(LINK, 1)).toBe(0.5);
  });

  it('drops what is older than what it knows, also for a while after that has expired', () => {
    const one = table();
    one.accept(said(), 0);
    expect(one.accept(said(), 1)).toBe('out-of-order');
    expect(one.accept(said({ sequence: 4 }), 5000)).toBe('out-of-order');
    expect(one.accept(said({ epoch: 9, sequence: 99 }), 5000)).toBe('old-epoch');
    expect(one.accept(said({ epoch: 11, sequence: 0 }), 5000)).toBe('taken');
    // A source whose clock was set back is heard again at last.
    expect(one.accept(said({ epoch: 1 }), 60_000)).toBe('taken');
    expect(one.counters).toEqual({
      taken: 3,
      oldEpoch: 1,
      outOfOrder: 2,
      invalid: 0,
      full: 0,
      unknownClasses: 0,
    });
  });

  it.each<[string, Partial<Record<keyof Hint, unknown>>]>([
    ['no link', { link: '' }],
    ['a link without ends', { link: 's1' }],
    ['a link of three', { link: 'a>b>c' }],
    ['a link of kilobytes', { link: `a>${'b'.repeat(5000)}` }],
    ['an epoch that is no number', { epoch: Number.NaN }],
    ['a negative sequence', { sequence: -1 }],
    ['half a sequence', { sequence: 1.5 }],
    ['no time to live', { ttlMs: 0 }],
    ['an endless life', { ttlMs: Number.POSITIVE_INFINITY }],
    ['down as a word', { down: 'yes' }],
    ['more than all in use', { utilization: 1.1 }],
    ['a level above 1', { classes: { batch: congestion(1.1) } }],
    ['a level that is no number', { classes: { batch: congestion(Number.NaN) } }],
    ['a class of nothing', { classes: { batch: null } }],
    ['a bad class that nobody knows', { classes: { unknown: congestion(-1) } }],
    ['no classes', { classes: null }],
    [
      'a hundred classes',
      { classes: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i, congestion(0)])) },
    ],
  ])('drops a hint with %s whole', (_, wrong) => {
    const one = table();
    one.accept(said(), 0);
    expect(one.accept({ ...said({ sequence: 6, down: true }), ...(wrong as Partial<Hint>) }, 1)).toBe(
      'invalid',
    );
    expect([one.level(LINK, 1, 2), one.dead(LINK, 2), one.size]).toEqual([0.8, false, 1]);
  });

  it('counts classes that nobody knows and takes the rest', () => {
    const one = table();
    expect(one.accept(said({ classes: { batch: congestion(0.8), other: congestion(1) } }), 0)).toBe('taken');
    expect([one.level(LINK, 1, 1), one.counters.unknownClasses]).toEqual([0.8, 1]);
  });

  it('is full at its capacity, until something expires', () => {
    const one = table(2);
    one.accept(said({ link: 'a>b' }), 0);
    one.accept(said({ link: 'b>c' }), 500);
    expect(one.accept(said({ link: 'c>d' }), 600)).toBe('full');
    expect(one.accept(said({ link: 'a>b', sequence: 6 }), 600)).toBe('taken');
    expect(one.accept(said({ link: 'c>d' }), 1550)).toBe('taken');
    expect([one.size, one.heard('b>c', 1550), one.heard('a>b', 1550)]).toEqual([2, false, true]);
  });

  it('forgets all when the stream is lost, also the order', () => {
    const one = table();
    one.accept(said(), 0);
    one.clear();
    expect([one.fresh(1), one.size]).toEqual([false, 0]);
    expect(one.accept(said({ epoch: 1, sequence: 0 }), 1)).toBe('taken');
  });

  it('agrees with a list of all that was taken, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyHint, fc.nat(800)), { size: 'max', maxLength: 80 }), (steps) => {
        const one = table(3);
        const taken = new Map<string, { hint: Hint; atMs: number }>();
        let nowMs = 0;
        for (const [hint, ms] of steps) {
          nowMs += ms;
          if (one.accept(hint, nowMs) === 'taken') taken.set(hint.link, { hint, atMs: nowMs });
          expect(one.size).toBeLessThanOrEqual(3);
          for (const { hint: last, atMs } of taken.values()) {
            const holds = one.heard(last.link, nowMs);
            if (nowMs >= atMs + last.ttlMs) expect(holds).toBe(false);
            const level = one.level(last.link, 1, nowMs);
            const expected = last.down
              ? 1
              : (Object.entries(last.classes).find(([name]) => name === 'batch')?.[1].level ?? 0);
            expect(level).toBe(holds ? expected : 0);
          }
        }
        const { unknownClasses: _, ...verdicts } = one.counters;
        expect(Object.values(verdicts).reduce((sum, count) => sum + count, 0)).toBe(steps.length);
      }),
      { numRuns: 1000 },
    );
  });
});
