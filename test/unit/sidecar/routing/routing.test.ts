import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/index.ts';
import type { RequestFacts } from '../../../../src/ingress-classifier/index.ts';
import { locationOf } from '../../../../src/sidecar/routing/location.ts';
import { compileMatches } from '../../../../src/sidecar/routing/match.ts';
import { literalPrefix, withPrefix } from '../../../../src/sidecar/routing/path-prefix.ts';
import { WeightedServices } from '../../../../src/sidecar/routing/weighted.ts';
import { POLICY } from '../../propagation/fixtures.ts';

function facts(more: Partial<RequestFacts> = {}): RequestFacts {
  return {
    method: 'GET',
    path: '/',
    query: '',
    host: 'shop',
    bodyBytes: 0,
    sourceAddress: '10.0.0.1',
    urgency: -1,
    header: () => undefined,
    ...more,
  };
}

describe('weighted services', () => {
  it('are drawn as often as their weights say', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.nat(10), { minLength: 2, maxLength: 5 }), (seed, weights) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        fc.pre(total > 0);
        const services = weights.map((weight, index) => ({ service: String(index), weight }));
        const drawn = new WeightedServices(services, seededRandom(seed));
        const keyed = new WeightedServices(services, seededRandom(seed));
        const draws = 2000;
        const counts = weights.map(() => 0);
        const byKey = weights.map(() => 0);
        for (let index = 0; index < draws; index += 1) {
          const one = Number(drawn.draw(undefined));
          counts[one] = (counts[one] ?? 0) + 1;
          const other = Number(keyed.draw(`user-${index}`));
          byKey[other] = (byKey[other] ?? 0) + 1;
        }
        for (const [index, weight] of weights.entries()) {
          const share = weight / total;
          const bound = 6 * Math.sqrt(draws * share * (1 - share));
          expect(Math.abs((counts[index] ?? 0) - draws * share)).toBeLessThanOrEqual(bound);
          expect(Math.abs((byKey[index] ?? 0) - draws * share)).toBeLessThanOrEqual(bound);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('with weight 0 are never drawn, and one key draws one service', () => {
    const services = [
      { service: 'never', weight: 0 },
      { service: 'a', weight: 1 },
      { service: 'b', weight: 1 },
      { service: 'nor', weight: 0 },
    ];
    const drawn = new WeightedServices(services, seededRandom(7));
    for (let index = 0; index < 1000; index += 1) expect(['a', 'b']).toContain(drawn.draw(undefined));
    fc.assert(fc.property(fc.string(), (key) => new Set([drawn.draw(key), drawn.draw(key)]).size === 1));
  });
});

describe('a path with another beginning', () => {
  it.each([
    ['/api/**', '/api'],
    ['/api/', '/api'],
    ['/a/{id}/c', '/a'],
    ['/**', ''],
    ['/a*/b', '/a*/b'],
  ])('the literal beginning of %s is %j', (pattern, literal) => {
    expect(literalPrefix(pattern)).toBe(literal);
  });

  it.each([
    ['/api/x', '/api', '/b', '/b/x'],
    ['/api/x', '/api', '/', '/x'],
    ['/api', '/api', '/', '/'],
    ['/api', '/api', '/b/', '/b'],
    ['/api/', '/api', '/b', '/b/'],
    ['/x', '', '/b', '/b/x'],
    ['/apis/x', '/api', '/b', undefined],
    ['/%61pi/x', '/api', '/b', undefined],
    ['/api/../x', '/api', '/b', undefined],
    ['/api/%2e%2e/x', '/api', '/b', undefined],
    ['/api/a%2Fb', '/api', '/b', undefined],
    ['/api//evil', '/api', '/', undefined],
    ['/api/.', '/api', '/b', undefined],
  ])('%s, from %j to %j, is %j', (path, from, to, expected) => {
    expect(withPrefix(path, from, to)).toBe(expected);
  });

  it('never leaves the one that it is given', () => {
    const piece = fc.constantFrom('a', '/', '.', '..', '%2e', '%2F', '\\', '//', '%61');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const moved = withPrefix(`/api/${pieces.join('')}`, '/api', '/safe');
        if (moved === undefined) return;
        expect(new URL(`http://h${moved}`).pathname.startsWith('/safe')).toBe(true);
      }),
    );
  });
});

describe('a location', () => {
  it.each([
    [{ status: 308, prefix: '/store' } as const, '/store/a?q=1'],
    [{ status: 301, path: '/other' } as const, '/other?q=1'],
    [{ status: 302, scheme: 'https' } as const, 'https://shop.example/api/a?q=1'],
    [{ status: 302, host: 'b.example' } as const, 'http://b.example/api/a?q=1'],
    [{ status: 303, port: 81 } as const, 'http://shop.example:81/api/a?q=1'],
  ])('of %j', (settings, location) => {
    const came = facts({ path: '/api/a', query: 'q=1', host: 'shop.example:80' });
    expect(locationOf({ ...settings }, '/api', came)).toBe(location);
  });

  it('never leads to another host by its path', () => {
    expect(
      locationOf({ status: 302, prefix: '/' }, '/api', facts({ path: '/api//evil.example' })),
    ).toBeUndefined();
    expect(locationOf({ status: 302, port: 81 }, '', facts({ path: '//evil.example/' }))).toBe(
      'http://shop:81/evil.example/',
    );
  });
});

describe('matches', () => {
  it('are tried in order, by service, path, method and headers', () => {
    const matches = compileMatches(
      POLICY,
      [
        { service: 'shop', path: '/a/**', method: ['POST'] },
        { service: 'shop', headers: { 'X-Beta': '*' } },
        { service: 'other' },
        { path: '/a/**' },
      ],
      undefined,
    );
    const header = (name: string) => (name === 'x-beta' ? '1' : undefined);
    expect(matches.find(facts({ path: '/a/b', method: 'POST' }))).toBe(0);
    expect(matches.find(facts({ path: '/a/b', header }))).toBe(1);
    expect(matches.find(facts({ path: '/a/b', host: 'OTHER:80' }))).toBe(2);
    expect(matches.find(facts({ path: '/a/b' }))).toBe(3);
    expect(matches.find(facts({ path: '/b' }))).toBe(-1);
  });

  it('for one service leave out what is for others, whatever Host says', () => {
    const matches = compileMatches(POLICY, [{ service: 'other' }, { service: 'shop', path: '/a' }], 'shop');
    expect(matches.find(facts({ path: '/a', host: 'www.example.org' }))).toBe(1);
    expect(matches.find(facts({ path: '/b', host: 'other' }))).toBe(-1);
  });
});
