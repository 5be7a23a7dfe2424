import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashText } from '../../../../src/sidecar/balancers/index.ts';
import { sharesOf } from '../../../../src/sidecar/pools/levels.ts';
import { addresses, heldUpstream, picks } from '../upstream-support.ts';

describe('the shares of levels', () => {
  // The table of Envoy's documentation ("Priority levels"), factor 1.4; percent of P=0 healthy, then of traffic to P=0 and P=1.
  it.each([
    [
      [100, 100],
      [100, 0],
    ],
    [
      [72, 100],
      [100, 0],
    ],
    [
      [71, 100],
      [99, 1],
    ],
    [
      [50, 100],
      [70, 30],
    ],
    [
      [25, 100],
      [35, 65],
    ],
    [
      [0, 100],
      [0, 100],
    ],
    [
      [25, 25],
      [50, 50],
    ],
    [
      [100, 100, 100],
      [100, 0, 0],
    ],
    [
      [25, 25, 100],
      [35, 35, 30],
    ],
    [
      [20, 20, 10],
      [40, 40, 20],
    ],
  ])('of %j percent healthy are %j', (healthy, expected) => {
    const shares = sharesOf(
      healthy.map((percent) => percent / 100),
      1.4,
    );
    for (const [index, share] of shares.entries()) {
      expect(Math.abs(share * 100 - (expected[index] ?? 0))).toBeLessThan(0.7);
    }
  });

  it('are 1 together, and none goes to a level without healthy endpoints', () => {
    const healthy = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(healthy, fc.double({ min: 1, max: 5, noNaN: true }), (levels, factor) => {
        const shares = sharesOf(levels, factor);
        const sum = shares.reduce((all, share) => all + share, 0);
        if (levels.some((level) => level > 1e-9)) expect(sum).toBeCloseTo(1, 6);
        for (const [index, share] of shares.entries()) {
          expect(share).toBeGreaterThanOrEqual(0);
          if (levels[index] === 0) expect(share).toBe(0);
        }
      }),
    );
  });
});

const ZONES = ['a', 'a', 'a', 'a', 'b', 'b', 'c'];
const zoned = ZONES.map((zone, index) => ({
  host: `10.0.0.${index}`,
  port: 80,
  locality: { region: zone === 'c' ? 'far' : 'near', zone },
}));

describe('an upstream that looks at localities', () => {
  const config = {
    endpoints: zoned,
    localityAware: true,
    outliers: { consecutiveFailures: 1, maxEjectionPercent: 100 },
  };
  const zonesOf = (counts: Map<string, number>): Record<string, number> => {
    const zones: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (const [label, count] of counts) {
      const zone = ZONES[Number(label.charAt(7))] ?? '';
      zones[zone] = (zones[zone] ?? 0) + count;
    }
    return zones;
  };

  it('stays in its zone while enough of it is healthy, and spills over to the region as Envoy does', () => {
    const { upstream } = heldUpstream(config, { own: { region: 'near', zone: 'a' } });
    expect(zonesOf(picks(upstream, 1000))).toEqual({ a: 1000, b: 0, c: 0 });
    upstream.endpoints[0]?.failed();
    expect(zonesOf(picks(upstream, 1000))).toEqual({ a: 1000, b: 0, c: 0 });
    upstream.endpoints[1]?.failed();
    // Half of the zone is healthy: it gets 0.5 x 1.4 of the requests.
    const half = zonesOf(picks(upstream, 10_000));
    expect(Math.abs((half['a'] ?? 0) - 7000)).toBeLessThan(300);
    expect(half['c']).toBe(0);
    for (const endpoint of upstream.endpoints.slice(0, 6)) endpoint.failed();
    expect(zonesOf(picks(upstream, 100))).toEqual({ a: 0, b: 0, c: 100 });
  });

  it('looks at none where it does not know its own', () => {
    const { upstream } = heldUpstream(config);
    expect(picks(upstream, 2000).size).toBe(7);
  });

  it('sends a key to the same zone and endpoint each time while it spills over', () => {
    const { upstream } = heldUpstream(
      { ...config, balancer: { kind: 'maglev', hashOn: { from: 'path' } } },
      { own: { region: 'near', zone: 'a' } },
    );
    upstream.endpoints[0]?.failed();
    upstream.endpoints[1]?.failed();
    const seen = new Set<string | undefined>();
    for (let key = 0; key < 200; key += 1) {
      const hash = hashText(`/${key}`);
      const [first, again] = [upstream.pick([], 0, hash), upstream.pick([], 0, hash)];
      expect(again).toBe(first);
      seen.add(first?.locality?.zone);
    }
    expect([...seen].sort()).toEqual(['a', 'b']);
  });
});

describe('an upstream with priorities', () => {
  it('uses the second only as far as the first is not healthy enough', () => {
    const endpoints = addresses(8).map((address, index) => ({ ...address, priority: index < 4 ? 0 : 1 }));
    const { upstream } = heldUpstream({
      endpoints,
      outliers: { consecutiveFailures: 1, maxEjectionPercent: 100 },
    });
    const second = () =>
      [...picks(upstream, 4000)].reduce(
        (sum, [label, count]) => sum + (Number(label.charAt(7)) < 4 ? 0 : count),
        0,
      );
    expect(second()).toBe(0);
    for (const endpoint of upstream.endpoints.slice(0, 2)) endpoint.failed();
    expect(Math.abs(second() - 1200)).toBeLessThan(150);
    for (const endpoint of upstream.endpoints.slice(2, 4)) endpoint.failed();
    expect(second()).toBe(4000);
  });
});

describe('slow start', () => {
  const config = { endpoints: addresses(4), slowStart: { windowMs: 10_000, minPercent: 10 } };

  it('is nothing for those that are there from the beginning', () => {
    const { upstream } = heldUpstream(config);
    for (const endpoint of upstream.endpoints) expect(endpoint.weightFor(0)).toBe(1);
  });

  it.each(['random', 'round-robin', 'least-request'] as const)('ramps with %s who joins', (kind) => {
    const { upstream, pass } = heldUpstream({ ...config, balancer: { kind } });
    upstream.set(addresses(5));
    const share = () => (picks(upstream, 4000).get('10.0.0.4:80') ?? 0) / 4000;
    const shares = [share()];
    for (const afterMs of [5000, 5100]) {
      pass(afterMs);
      shares.push(share());
    }
    const expected = [0.1 / 4.1, 0.5 / 4.5, 1 / 5];
    for (const [index, one] of shares.entries())
      expect(Math.abs(one - (expected[index] ?? 0))).toBeLessThan(0.02);
  });

  it('ramps who returns from an ejection', () => {
    const { upstream, pass } = heldUpstream({
      ...config,
      outliers: { consecutiveFailures: 1, baseEjectionMs: 1000 },
    });
    upstream.endpoints[0]?.failed();
    expect(upstream.endpoints[0]?.eligible).toBe(false);
    pass(1040);
    expect(upstream.endpoints[0]?.eligible).toBe(true);
    expect(upstream.endpoints[0]?.weightFor(0)).toBeLessThan(0.2);
  });
});

describe('panic', () => {
  const config = {
    endpoints: addresses(4),
    outliers: { consecutiveFailures: 1, maxEjectionPercent: 100 },
  };

  it('is when nobody is healthy, and then all are chosen', () => {
    const { upstream } = heldUpstream(config);
    for (const endpoint of upstream.endpoints.slice(0, 3)) endpoint.failed();
    expect([upstream.panics, picks(upstream, 50).size]).toEqual([false, 1]);
    upstream.endpoints[3]?.failed();
    expect([upstream.panics, picks(upstream, 100).size]).toEqual([true, 4]);
  });

  it('begins below the threshold that is set', () => {
    const { upstream } = heldUpstream({ ...config, panicThresholdPercent: 50 });
    for (const endpoint of upstream.endpoints.slice(0, 2)) endpoint.failed();
    expect([upstream.panics, picks(upstream, 100).size]).toEqual([false, 2]);
    upstream.endpoints[2]?.failed();
    expect([upstream.panics, picks(upstream, 100).size]).toEqual([true, 4]);
  });

  it('does not count those that are about to go', () => {
    const { upstream } = heldUpstream({ ...config, panicThresholdPercent: 50 });
    upstream.set(addresses(4).map((one, index) => ({ ...one, draining: index > 0, healthy: index === 0 })));
    expect([upstream.panics, [...picks(upstream, 50).keys()]]).toEqual([false, ['10.0.0.0:80']]);
  });
});

describe('the endpoints of an upstream', () => {
  it('that stay are the same, those that go get no new requests and keep those that they have', () => {
    const { upstream } = heldUpstream({ endpoints: addresses(3) });
    const [first, second] = upstream.endpoints;
    first?.began(0);
    upstream.set(addresses(3).slice(1));
    expect(upstream.endpoints[0]).toBe(second);
    expect([...picks(upstream, 60).keys()].sort()).toEqual(['10.0.0.1:80', '10.0.0.2:80']);
    expect([upstream.leaving, upstream.inFlightOf(0)]).toEqual([1, 1]);
    first?.ended(0);
    if (first !== undefined) upstream.released(first);
    expect([upstream.leaving, upstream.inFlightOf(0)]).toEqual([0, 0]);
  });

  it('may be none for a while', () => {
    const { upstream } = heldUpstream({ endpoints: addresses(1) });
    upstream.set([]);
    expect(upstream.pick([], 0)).toBeUndefined();
    upstream.set(addresses(2));
    expect(upstream.pick([], 0)).toBeDefined();
  });

  it('change in any way, and a pick is always one of them, none that is out while another is in', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), which: fc.subarray([0, 1, 2, 3, 4, 5]) }),
      fc.record({ kind: fc.constant('fail' as const), at: fc.nat({ max: 5 }) }),
      fc.record({ kind: fc.constant('pass' as const), ms: fc.nat({ max: 400 }) }),
      fc.record({ kind: fc.constant('drain' as const), at: fc.nat({ max: 5 }) }),
      fc.record({ kind: fc.constant('prefer' as const), which: fc.subarray([0, 1, 2, 3, 4, 5]) }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        fc.constantFrom('least-request', 'ring-hash', 'round-robin'),
        (steps, kind) => {
          const all = addresses(6);
          const { upstream, pass } = heldUpstream({
            endpoints: all,
            balancer: { kind: kind as 'least-request', ringPoints: 8 },
            outliers: { consecutiveFailures: 1, baseEjectionMs: 200, maxEjectionPercent: 50 },
          });
          for (const what of steps) {
            if (what.kind === 'set')
              upstream.set(what.which.map((index) => all[index] ?? { host: '', port: 0 }));
            if (what.kind === 'fail') upstream.endpoints[what.at]?.failed();
            if (what.kind === 'pass') pass(what.ms);
            if (what.kind === 'drain') upstream.endpoints[what.at]?.setReported(true, true);
            if (what.kind === 'prefer') {
              upstream.prefer(
                0,
                upstream.endpoints.filter((_, index) => what.which.includes(index)),
              );
            }
            const { endpoints } = upstream;
            const picked = upstream.pick([], 0, 12_345);
            if (endpoints.length === 0) expect(picked).toBeUndefined();
            else expect(endpoints).toContain(picked);
            if (endpoints.some(({ eligible }) => eligible)) expect(picked?.eligible).toBe(true);
            const tried = endpoints.slice(0, Math.max(0, endpoints.length - 1));
            if (endpoints.length > 0) expect(upstream.pick(tried, 0, 12_345)).toBe(endpoints.at(-1));
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
