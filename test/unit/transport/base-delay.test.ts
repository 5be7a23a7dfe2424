import { describe, expect, it } from 'vitest';
import { BaseDelay, HISTORY_MINUTES } from '../../../src/transport/base-delay.ts';

const MINUTE_MS = 60_000;

describe('BaseDelay', () => {
  it('is the smallest delay seen', () => {
    const base = new BaseDelay();
    expect(base.us).toBe(Number.POSITIVE_INFINITY);
    for (const [at, us] of [
      [0, 300],
      [10, 200],
      [20, 400],
    ] as const) {
      base.observe(at, us);
    }
    expect(base.us).toBe(200);
  });

  it('keeps a minimum for the length of the history and forgets it then', () => {
    const base = new BaseDelay();
    base.observe(0, 100);
    for (let minute = 1; minute < HISTORY_MINUTES; minute += 1) {
      base.observe(minute * MINUTE_MS, 500 + minute);
      expect(base.us).toBe(100);
    }
    base.observe(HISTORY_MINUTES * MINUTE_MS, 900);
    expect(base.us).toBe(501);
  });

  it('forgets everything after a long silence', () => {
    const base = new BaseDelay();
    base.observe(0, 100);
    base.observe(1000 * MINUTE_MS, 700);
    expect(base.us).toBe(700);
  });
});
