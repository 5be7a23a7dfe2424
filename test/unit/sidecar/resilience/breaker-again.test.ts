import { describe, expect, it } from 'vitest';
import { Breaker } from '../../../../src/sidecar/resilience/breaker.ts';

describe('a breaker that has closed again', () => {
  it('opens by what failed since, although what opened it before passes out of the window meanwhile', () => {
    const breaker = new Breaker({ percent: 50, minRequests: 10, windowMs: 10_000, openMs: 1000, probes: 1 });
    for (let index = 0; index < 10; index += 1) breaker.ended(true, 100);
    expect(breaker.open).toBe(true);
    expect(breaker.pass(1200)).toBe('probe');
    breaker.probed(false, 1200);
    expect(breaker.open).toBe(false);
    // A part of the window later than what was counted and than the moment at which it opened.
    for (let index = 0; index < 10; index += 1) breaker.ended(true, 10_050);
    expect(breaker.open).toBe(true);
  });

  it('opens by what failed since, where it opened later than most of it was counted', () => {
    const breaker = new Breaker({ percent: 50, minRequests: 10, windowMs: 10_000, openMs: 1000, probes: 1 });
    for (let index = 0; index < 9; index += 1) breaker.ended(true, 100);
    breaker.ended(true, 5100);
    expect(breaker.open).toBe(true);
    expect(breaker.pass(6200)).toBe('probe');
    breaker.probed(false, 6200);
    for (let index = 0; index < 10; index += 1) breaker.ended(true, 11_100);
    expect(breaker.open).toBe(true);
  });
});
