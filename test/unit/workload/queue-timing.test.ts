import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { longerWait, queueTiming, queueWaitOf } from '../../../src/workload/queue-timing.ts';

describe('the wait in a queue, in server-timing', () => {
  test('is written and read', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (waitMs) => {
        expect(queueWaitOf(queueTiming(waitMs))).toBeCloseTo(waitMs, 2);
      }),
    );
    expect(queueTiming(-3)).toBe('queue;dur=0.000');
  });

  test.each([
    ['queue;dur=5', 5],
    ['Queue; DUR="5.25"', 5.25],
    ['db;dur=1, queue;desc="jobs";dur=7 , cache', 7],
    ['queue', undefined],
    ['queue;dur=-1', undefined],
    ['queue;dur=1e9', undefined],
    ['queues;dur=1', undefined],
    ['total;dur=1', undefined],
    ['', undefined],
  ])('%s says %s', (header, waitMs) => {
    expect(queueWaitOf(header)).toBe(waitMs);
  });

  test('never fails on whatever is there', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        const waitMs = queueWaitOf(header);
        expect(waitMs === undefined || waitMs >= 0).toBe(true);
      }),
    );
  });

  test('the longer counts, where either is known', () => {
    expect(longerWait(undefined, undefined)).toBeUndefined();
    expect(longerWait(1, undefined)).toBe(1);
    expect(longerWait(undefined, 2)).toBe(2);
    expect(longerWait(3, 2)).toBe(3);
  });
});
