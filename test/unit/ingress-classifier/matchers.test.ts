import { describe, expect, test } from 'vitest';
import { PriomeshError, type RuleMatch } from '../../../src/core/index.ts';
import { compileClassifier, type RequestFacts } from '../../../src/ingress-classifier/index.ts';
import { policyOf, request } from './fixtures.ts';

function matches(match: RuleMatch, facts: RequestFacts): boolean {
  return compileClassifier(policyOf([{ match, class: 'urgent' }])).classify(facts).rule === 'rule-0';
}

describe('path', () => {
  test.each([
    ['/', '/', true],
    ['/a', '/a', true],
    ['/a', '/a/', true],
    ['/a/', '/a', true],
    ['/a', '/ab', false],
    ['/a', '/A', false],
    ['/a/*', '/a/b', true],
    ['/a/*', '/a', false],
    ['/a/{id}/c', '/a/b/c', true],
    ['/a/{id}/c', '/a//c', false],
    ['/**', '/', true],
    ['/a/**', '/a', true],
    ['/a/**', '/a/b/c/d', true],
    ['/a/**', '/b', false],
    ['/**/z', '/z', true],
    ['/**/z', '/a/b/z', true],
    ['/**/z', '/a/z/b', false],
    ['/a/**/m/**/z', '/a/m/m/z', true],
    ['/a/**/m/**/z', '/a/z/m', false],
    ['/a b', '/a%20b', true],
    ['/é', '/%C3%A9', true],
    ['/é', '/\u00c3\u00a9', true],
    ['/**', '*', false],
    ['/a', 'http://example.org/a', true],
    ['/', 'http://example.org', true],
    ['/**', 'example.org:443', false],
  ])('pattern %s on %s: %s', (path, target, expected) => {
    expect(matches({ path }, request({ path: target }))).toBe(expected);
  });
});

describe('method', () => {
  test('is one of the list, and letter case counts (RFC 9110 section 9.1)', () => {
    expect(matches({ method: ['GET', 'PUT'] }, request({ method: 'PUT' }))).toBe(true);
    expect(matches({ method: ['GET', 'PUT'] }, request({ method: 'put' }))).toBe(false);
    expect(matches({ method: ['GET'] }, request({ method: 'POST' }))).toBe(false);
  });
});

describe('host', () => {
  test.each([
    ['shop.example.org', 'shop.example.org', true],
    ['Shop.Example.org', 'SHOP.EXAMPLE.ORG:8443', true],
    ['shop.example.org', 'shop.example.org.', true],
    ['shop.example.org', 'shop.example.org.evil', false],
    ['*.example.org', 'a.b.example.org', true],
    ['*.example.org', 'example.org', false],
    ['*.example.org', 'badexample.org', false],
    ['[::1]', '[::1]:8080', true],
    ['*', 'anything', true],
    ['*', '', false],
    ['*.example.org', '.example.org', false],
  ])('%s against %s: %s', (pattern, host, expected) => {
    expect(matches({ host: pattern }, request({ host }))).toBe(expected);
  });
});

describe('headers', () => {
  test('compare a value, a beginning, or presence; all of them must hold', () => {
    const facts = request({ headers: { 'x-a': 'one-more', 'x-b': '' } });
    expect(matches({ headers: { 'x-a': 'one-more' } }, facts)).toBe(true);
    expect(matches({ headers: { 'X-A': 'one-more' } }, facts)).toBe(true);
    expect(matches({ headers: { 'x-a': 'one' } }, facts)).toBe(false);
    expect(matches({ headers: { 'x-a': 'one*' } }, facts)).toBe(true);
    expect(matches({ headers: { 'x-b': '*' } }, facts)).toBe(true);
    expect(matches({ headers: { 'x-c': '*' } }, facts)).toBe(false);
    expect(matches({ headers: { 'x-a': 'one*', 'x-b': 'x' } }, facts)).toBe(false);
  });
});

describe('query', () => {
  test.each([
    ['bulk=1', true],
    ['a=b&bulk=1', true],
    ['bulk=%31', true],
    ['b%75lk=1', true],
    ['bulk=2', false],
    ['bulk', false],
    ['', false],
    ['xbulk=1', false],
  ])('bulk=1 asked of ?%s: %s', (query, expected) => {
    expect(matches({ query: { bulk: '1' } }, request({ query }))).toBe(expected);
  });

  test('presence needs no value', () => {
    expect(matches({ query: { bulk: '*' } }, request({ query: 'bulk' }))).toBe(true);
    expect(matches({ query: { bulk: '*' } }, request({ query: 'other=bulk' }))).toBe(false);
  });
});

describe('body size', () => {
  test('a body of unknown length is neither large nor small', () => {
    expect(matches({ bodyBytesAtLeast: 0 }, request({ bodyBytes: -1 }))).toBe(false);
    expect(matches({ bodyBytesAtMost: 10 }, request({ bodyBytes: -1 }))).toBe(false);
    expect(matches({ bodyBytesAtLeast: 10, bodyBytesAtMost: 10 }, request({ bodyBytes: 10 }))).toBe(true);
    expect(matches({ bodyBytesAtLeast: 10 }, request({ bodyBytes: 9 }))).toBe(false);
    expect(matches({ bodyBytesAtMost: 10 }, request({ bodyBytes: 11 }))).toBe(false);
  });
});

describe('gRPC', () => {
  const call = (contentType: string, path = '/shop.Catalog/List'): RequestFacts =>
    request({ method: 'POST', path, headers: { 'content-type': contentType } });

  test('needs the method and the content type', () => {
    expect(matches({ grpc: 'shop.Catalog/List' }, call('application/grpc'))).toBe(true);
    expect(matches({ grpc: 'shop.Catalog/*' }, call('Application/gRPC+proto'))).toBe(true);
    expect(matches({ grpc: 'shop.Catalog/List' }, call('application/grpc;x=y'))).toBe(true);
    expect(matches({ grpc: 'shop.Catalog/List' }, call('application/grpc-web'))).toBe(false);
    expect(matches({ grpc: 'shop.Catalog/List' }, call('application/json'))).toBe(false);
    expect(matches({ grpc: 'shop.Catalog/List' }, call('application/grpc', '/shop.Catalog/Get'))).toBe(false);
    expect(matches({ grpc: 'shop.Catalog/List' }, request({ path: '/shop.Catalog/List' }))).toBe(false);
  });
});

describe('source network', () => {
  test.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7/32', '192.0.2.6', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['::/0', 'nonsense', false],
    ['::/0', '10.1.2.3', false],
    ['::/0', '2001:db8::1', true],
  ])('%s holds %s: %s', (block, sourceAddress, expected) => {
    expect(matches({ sourceNetworks: [block] }, request({ sourceAddress }))).toBe(expected);
  });
});

describe('explicit urgency (RFC 9218)', () => {
  test('a request without one fulfils neither bound', () => {
    expect(matches({ urgencyAtMost: 7 }, request({ urgency: -1 }))).toBe(false);
    expect(matches({ urgencyAtLeast: 0 }, request({ urgency: -1 }))).toBe(false);
    expect(matches({ urgencyAtMost: 1 }, request({ urgency: 1 }))).toBe(true);
    expect(matches({ urgencyAtMost: 1 }, request({ urgency: 2 }))).toBe(false);
    expect(matches({ urgencyAtLeast: 5 }, request({ urgency: 4 }))).toBe(false);
  });
});

describe('a rule that makes no sense', () => {
  test.each<[string, RuleMatch]>([
    ['a path without a slash', { path: 'a' }],
    ['a wildcard inside a segment', { path: '/a*' }],
    ['an empty segment', { path: '/a//b' }],
    ['a dot segment', { path: '/a/../b' }],
    ['a gRPC method without a service', { grpc: 'List' }],
    ['a network that is none', { sourceNetworks: ['10.0.0.0/33'] }],
    ['a network without a length', { sourceNetworks: ['10.0.0.0/'] }],
  ])('%s is refused with its place', (_, match) => {
    const compile = (): unknown =>
      compileClassifier(
        policyOf([
          { match: {}, class: 'batch' },
          { match, class: 'urgent' },
        ]),
      );
    expect(compile).toThrow(PriomeshError);
    expect(compile).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', place: { file: 'policy.yaml', line: 2, column: 5 } }),
    );
  });

  test('an unknown class is refused with its place', () => {
    const compile = (): unknown => compileClassifier(policyOf([{ match: {}, class: 'nobody' }]));
    expect(compile).toThrow(/there is no class `nobody`/);
  });
});
