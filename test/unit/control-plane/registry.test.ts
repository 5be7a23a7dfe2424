import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Registry } from '../../../src/control-plane/registry.ts';
import { RegistryView } from '../../../src/sidecar/control/registry-view.ts';

const shop = (port: number) => ({ service: 'shop', host: '10.0.0.1', port });

describe('the registry', () => {
  it('holds a configured endpoint healthy until its sidecar has come and gone', () => {
    const registry = new Registry([shop(80)], 3000);
    expect(registry.since(0)).toEqual({
      whole: true,
      endpoints: [{ ...shop(80), healthy: true, gone: false }],
    });
    const version = registry.version;
    registry.join(shop(80));
    expect(registry.since(version)).toBeUndefined();
    registry.leave(shop(80), 1000);
    registry.expire(3999);
    expect(registry.since(version)).toBeUndefined();
    registry.expire(4000);
    expect(registry.since(version)?.endpoints).toEqual([{ ...shop(80), healthy: false, gone: false }]);
    registry.join(shop(80));
    expect(registry.since(version)?.endpoints).toEqual([{ ...shop(80), healthy: true, gone: false }]);
  });

  it('lets one that only its stream had made known leave, after the grace', () => {
    const registry = new Registry([], 3000);
    const before = registry.version;
    registry.join(shop(80));
    expect(registry.since(before)?.endpoints).toEqual([{ ...shop(80), healthy: true, gone: false }]);
    registry.leave(shop(80), 0);
    expect(registry.expire(10)).toBe(3000);
    registry.expire(3000);
    expect(registry.size).toBe(0);
    expect(registry.since(before)?.endpoints).toEqual([{ ...shop(80), healthy: false, gone: true }]);
    expect(registry.since(0)).toEqual({ whole: true, endpoints: [] });
  });

  it('counts streams: the end of one of two changes nothing, and coming back within the grace neither', () => {
    const registry = new Registry([], 3000);
    registry.join(shop(80));
    registry.join(shop(80));
    const { version } = registry;
    registry.leave(shop(80), 0);
    registry.expire(10_000);
    registry.leave(shop(80), 10_000);
    registry.join(shop(80));
    registry.expire(20_000);
    registry.leave(shop(99), 0);
    expect(registry.version).toBe(version);
  });

  it('tells every follower, however rarely it asks, what there is', () => {
    const step = fc.record({
      what: fc.constantFrom('join', 'leave', 'leave', 'wait', 'ask'),
      port: fc.integer({ min: 1, max: 6 }),
      follower: fc.integer({ min: 0, max: 2 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 120 }), (steps) => {
        const registry = new Registry([shop(1), shop(2)], 100, 1);
        const streams = new Map<number, number>();
        const followers = [0, 1, 2].map(() => ({ view: new RegistryView(), version: 0 }));
        const ask = (index: number): void => {
          const follower = followers[index];
          if (follower === undefined) return;
          const news = registry.since(follower.version);
          if (news !== undefined) expect(follower.view.take(news)).toBe(0);
          follower.version = registry.version;
        };
        let nowMs = 0;
        for (const { what, port, follower } of steps) {
          const count = streams.get(port) ?? 0;
          if (what === 'join') {
            registry.join(shop(port));
            streams.set(port, count + 1);
          } else if (what === 'leave' && count > 0) {
            registry.leave(shop(port), nowMs);
            streams.set(port, count - 1);
          } else if (what === 'wait') {
            nowMs += 70;
            registry.expire(nowMs);
          } else if (what === 'ask') ask(follower);
        }
        nowMs += 1000;
        registry.expire(nowMs);
        const expected = [...streams]
          .filter(([port, count]) => count > 0 || port <= 2)
          .map(([port, count]) => ({ ...shop(port), healthy: count > 0 }));
        for (const port of [1, 2]) {
          if (!streams.has(port)) expected.push({ ...shop(port), healthy: true });
        }
        for (const [index, { view }] of followers.entries()) {
          ask(index);
          const seen = [...view.endpoints()].sort((a, b) => a.port - b.port);
          expect(seen).toEqual(expected.sort((a, b) => a.port - b.port));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('tells of weight and place, and of a change of them', () => {
    const registry = new Registry([shop(80)], 3000);
    const { version } = registry;
    registry.join(shop(80), { instance: 'a', weight: 2, locality: { region: 'r', zone: 'z' } });
    expect(registry.since(version)?.endpoints).toEqual([
      { ...shop(80), healthy: true, gone: false, weight: 2, region: 'r', zone: 'z' },
    ]);
    const again = registry.version;
    registry.join(shop(80), { instance: 'a', weight: 2, locality: { region: 'r', zone: 'z' } });
    expect(registry.version).toBe(again);
    registry.join(shop(80), { instance: 'b' });
    expect(registry.since(again)?.endpoints).toEqual([{ ...shop(80), healthy: true, gone: false }]);
  });

  it('needs no grace for one that has said that it goes', () => {
    const registry = new Registry([], 3000);
    registry.join(shop(80), { instance: 'a' });
    const { version } = registry;
    expect(registry.drain(shop(80), 'a')).toBe(true);
    expect(registry.since(version)?.endpoints).toEqual([
      { ...shop(80), healthy: true, gone: false, draining: true },
    ]);
    // Its stream was lost and comes again: it still goes.
    registry.join(shop(80), { instance: 'a' });
    registry.leave(shop(80), 1000);
    registry.leave(shop(80), 1000);
    registry.expire(1000);
    expect(registry.size).toBe(0);
  });

  it('takes from another instance at the same address nothing that it said of itself', () => {
    const registry = new Registry([], 3000);
    registry.join(shop(80), { instance: 'old' });
    registry.drain(shop(80), 'old');
    registry.join(shop(80), { instance: 'new' });
    expect(registry.since(0)?.endpoints).toEqual([{ ...shop(80), healthy: true, gone: false }]);
    expect(registry.drain(shop(80), 'old')).toBe(false);
    registry.leave(shop(80), 0);
    registry.expire(10_000);
    expect(registry.size).toBe(1);
  });
});
