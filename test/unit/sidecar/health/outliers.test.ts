import { describe, expect, it } from 'vitest';
import { addresses, type HeldUpstream, heldUpstream } from '../upstream-support.ts';

const out = ({ upstream }: HeldUpstream): string[] =>
  upstream.endpoints.filter(({ ejected }) => ejected).map(({ host }) => host);

describe('an endpoint that fails', () => {
  it('is out after so many failures in a row, and not before', () => {
    const held = heldUpstream({ endpoints: addresses(4), outliers: { consecutiveFailures: 3 } });
    const [endpoint] = held.upstream.endpoints;
    for (const failures of [2, 2]) {
      for (let index = 0; index < failures; index += 1) endpoint?.failed();
      endpoint?.observed(1, 'succeeded');
    }
    expect(out(held)).toEqual([]);
    for (let index = 0; index < 3; index += 1) endpoint?.failed();
    expect(out(held)).toEqual(['10.0.0.0']);
    expect(endpoint?.ejections).toBe(1);
  });

  it('stays out longer each time, up to a bound, and is forgiven with quiet intervals', () => {
    const held = heldUpstream({
      endpoints: addresses(4),
      outliers: { consecutiveFailures: 1, baseEjectionMs: 1000, maxEjectionMs: 2500, intervalMs: 10_000 },
    });
    const [endpoint] = held.upstream.endpoints;
    const outForMs = (): number => {
      endpoint?.failed();
      let ms = 0;
      for (; endpoint?.ejected === true; ms += 20) held.pass(20);
      return ms;
    };
    const times = [outForMs(), outForMs(), outForMs()];
    for (const [index, ms] of [1000, 2000, 2500].entries()) {
      expect(Math.abs((times[index] ?? 0) - ms)).toBeLessThanOrEqual(60);
    }
    held.pass(40_000);
    expect(Math.abs(outForMs() - 1000)).toBeLessThanOrEqual(60);
  });

  it('is counted for gateway errors only where that is asked for', () => {
    for (const [config, expected] of [
      [{}, []],
      [{ consecutiveGatewayErrors: 2 }, ['10.0.0.0']],
    ] as const) {
      const held = heldUpstream({ endpoints: addresses(4), outliers: config });
      for (let index = 0; index < 50; index += 1) held.upstream.endpoints[0]?.observed(1, 'gateway-error');
      expect(out(held)).toEqual(expected);
    }
  });

  it('stays in when as many as may be are out', () => {
    const held = heldUpstream({
      endpoints: addresses(5),
      outliers: { consecutiveFailures: 1, maxEjectionPercent: 40 },
    });
    for (const endpoint of held.upstream.endpoints) endpoint.failed();
    expect(out(held)).toEqual(['10.0.0.0', '10.0.0.1']);
    expect(held.outliers.counts).toMatchObject({ failures: 2, refused: 3 });
  });

  it('of two may always be left out', () => {
    const held = heldUpstream({
      endpoints: addresses(2),
      outliers: { consecutiveFailures: 1, maxEjectionPercent: 0 },
    });
    for (const endpoint of held.upstream.endpoints) endpoint.failed();
    expect(out(held)).toEqual(['10.0.0.0']);
  });
});

describe('endpoints that are compared', () => {
  const RULES = {
    successRate: { deviations: 1.5, minRequests: 50 },
    latency: { factor: 3, minRequests: 50 },
  };

  it('are left out for failing more than their peers do', () => {
    const held = heldUpstream({ endpoints: addresses(6), outliers: { ...RULES, intervalMs: 1000 } });
    for (let round = 0; round < 100; round += 1) {
      for (const [index, endpoint] of held.upstream.endpoints.entries()) {
        // All fail sometimes; one does five times as often, and never 16 times in a row.
        const fails = round % (index === 3 ? 2 : 10) === 0;
        endpoint.observed(10, fails ? 'failed' : 'succeeded');
      }
    }
    held.pass(1100);
    expect(out(held)).toEqual(['10.0.0.3']);
    expect(held.outliers.counts).toMatchObject({ successRate: 1, latency: 0, failures: 0 });
  });

  it('are left out for being slow, but not when too few are there to compare', () => {
    for (const [count, expected] of [
      [6, ['10.0.0.2']],
      [4, []],
    ] as const) {
      const held = heldUpstream({ endpoints: addresses(count), outliers: { ...RULES, intervalMs: 1000 } });
      for (let round = 0; round < 60; round += 1) {
        for (const [index, endpoint] of held.upstream.endpoints.entries()) {
          endpoint.observed(index === 2 ? 40 : 10, 'succeeded');
        }
      }
      held.pass(1100);
      expect(out(held)).toEqual(expected);
    }
  });

  it('are not, when all fail alike or hardly anything was asked', () => {
    const held = heldUpstream({ endpoints: addresses(6), outliers: { ...RULES, intervalMs: 1000 } });
    for (const endpoint of held.upstream.endpoints) {
      for (let round = 0; round < 100; round += 1)
        endpoint.observed(10, round % 2 === 0 ? 'failed' : 'succeeded');
    }
    held.pass(1100);
    for (let round = 0; round < 15; round += 1) held.upstream.endpoints[0]?.observed(1000, 'failed');
    held.pass(1100);
    expect(out(held)).toEqual([]);
  });
});
