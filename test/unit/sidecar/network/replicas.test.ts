import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Replicas } from '../../../../src/sidecar/network/replicas.ts';
import type { Upstream } from '../../../../src/sidecar/pools/index.ts';
import { heldUpstream } from '../upstream-support.ts';

const CLASSES = 2;

function upstreamOf(hosts: readonly string[]): Upstream {
  const endpoints = hosts.map((host) => ({ host, port: 80 }));
  const config = { endpoints, outliers: { consecutiveFailures: 1, maxEjectionPercent: 100 } };
  return heldUpstream(config, { classes: CLASSES }).upstream;
}

/** Every host that is picked in many picks. */
function picked(upstream: Upstream, classIndex: number): string[] {
  const hosts = Array.from({ length: 60 }, () => upstream.pick([], classIndex)?.host ?? 'none');
  return [...new Set(hosts)].sort();
}

describe('the choice of endpoints', () => {
  const hosts = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];

  it('leaves out who is congested for the class, and for no other', () => {
    const upstream = upstreamOf(hosts);
    const replicas = new Replicas([upstream], CLASSES, [0, 1], {
      prefers: (peer, classIndex) => !(peer === '10.0.0.2' && classIndex === 1),
    });
    replicas.update(0);
    expect([picked(upstream, 0), picked(upstream, 1)]).toEqual([hosts, ['10.0.0.1', '10.0.0.3']]);
    expect(replicas.avoided).toBe(1);
  });

  it('does not ask for classes whose replica somebody else decides', () => {
    const upstream = upstreamOf(hosts);
    new Replicas([upstream], CLASSES, [1], { prefers: () => false }).update(0);
    expect(picked(upstream, 0)).toEqual(hosts);
  });

  it('is of all when all are congested, and of the healthy when none of these is calm', () => {
    const upstream = upstreamOf(hosts);
    const replicas = new Replicas([upstream], CLASSES, [0], { prefers: () => false });
    replicas.update(0);
    expect(picked(upstream, 0)).toEqual(hosts);
    replicas.registry([{ host: '10.0.0.1', port: 80, healthy: false }]);
    replicas.update(0);
    expect(picked(upstream, 0)).toEqual(['10.0.0.2', '10.0.0.3']);
    replicas.registry(hosts.map((host) => ({ host, port: 80, healthy: false })));
    replicas.update(0);
    expect(picked(upstream, 0)).toEqual(hosts);
  });

  it('gives less to who is reached over a way that is more congested, of the classes that choose alone', () => {
    const upstream = upstreamOf(hosts);
    const replicas = new Replicas([upstream], CLASSES, [0], {
      prefers: () => true,
      level: (peer) => (peer === '10.0.0.2' ? 0.5 : 0),
    });
    replicas.update(0);
    const weights = [0, 1].map((classIndex) =>
      upstream.endpoints.map((endpoint) => endpoint.weightFor(classIndex)),
    );
    expect(weights).toEqual([
      [1, 0.6, 1],
      [1, 1, 1],
    ]);
  });

  it('follows endpoints that come and go', () => {
    const upstream = upstreamOf(hosts.slice(0, 1));
    const replicas = new Replicas([upstream], CLASSES, [0], { prefers: (peer) => peer !== '10.0.0.2' });
    replicas.update(0);
    upstream.set(hosts.map((host) => ({ host, port: 80 })));
    replicas.update(0);
    expect([picked(upstream, 0), picked(upstream, 1)]).toEqual([['10.0.0.1', '10.0.0.3'], hosts]);
    upstream.set([{ host: '10.0.0.2', port: 80 }]);
    expect(picked(upstream, 0)).toEqual(['10.0.0.2']);
  });

  it('tells endpoints of one host apart by their port', () => {
    const upstream = upstreamOf(hosts);
    const replicas = new Replicas([upstream], CLASSES, [], { prefers: () => true });
    replicas.registry([{ host: '10.0.0.1', port: 81, healthy: false }]);
    replicas.update(0);
    expect(picked(upstream, 0)).toEqual(hosts);
  });

  it('falls back to others when the preferred are out of rotation, and never finds none', () => {
    const states = fc.array(
      fc.record({ congested: fc.boolean(), healthy: fc.boolean(), ejected: fc.boolean() }),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(states, fc.nat({ max: 5 }), (rows, triedCount) => {
        const upstream = upstreamOf(rows.map((_, index) => `10.0.0.${index}`));
        const of = (host: string) => rows[Number(host.split('.').at(-1))];
        const replicas = new Replicas([upstream], 1, [0], {
          prefers: (peer) => of(peer)?.congested !== true,
        });
        replicas.registry(rows.map(({ healthy }, index) => ({ host: `10.0.0.${index}`, port: 80, healthy })));
        for (const [index, { ejected }] of rows.entries()) if (ejected) upstream.endpoints[index]?.failed();
        replicas.update(0);
        const first = upstream.pick([], 0);
        expect(first).toBeDefined();
        const inRotation = rows.some(({ ejected }) => !ejected);
        if (inRotation) expect(of(first?.host ?? '')?.ejected).toBe(false);
        const good = rows.some((row) => !row.congested && row.healthy && !row.ejected);
        if (good) expect(of(first?.host ?? '')).toMatchObject({ congested: false, healthy: true });
        const tried = upstream.endpoints.slice(0, Math.min(triedCount, rows.length - 1));
        const next = upstream.pick(tried, 0);
        expect(next).toBeDefined();
        expect(tried).not.toContain(next);
      }),
    );
  });
});
