import { describe, expect, test } from 'vitest';
import {
  compileClassifier,
  MAX_PATH_CHARACTERS,
  MAX_PATH_SEGMENTS,
  MAX_QUERY_CHARACTERS,
  MAX_QUERY_PARAMETERS,
  type RequestFacts,
} from '../../../src/ingress-classifier/index.ts';
import { policyOf, type RuleOf, request } from './fixtures.ts';

describe('the result', () => {
  test('says which rule decided and where it stands', () => {
    const classifier = compileClassifier(
      policyOf([
        { match: { path: '/export/**' }, class: 'batch' },
        { match: { path: '/**' }, class: 'urgent' },
      ]),
    );
    const result = classifier.classify(request({ path: '/pages/1' }));
    expect(result).toEqual({
      classIndex: 0,
      className: 'urgent',
      rule: 'rule-1',
      label: 'rule rule-1',
      place: { file: 'policy.yaml', line: 2, column: 5 },
      reason: 'rule rule-1 (policy.yaml:2)',
    });
    expect(classifier.classify(request({ path: '/pages/2' }))).toBe(result);
    expect(classifier.classify(request({ path: '/export/all' })).className).toBe('batch');
  });

  test('is the default where no rule matches, and counts it', () => {
    const classifier = compileClassifier(policyOf([{ match: { path: '/a' }, class: 'urgent' }], 'batch'));
    expect(classifier.classify(request({ path: '/b' }))).toMatchObject({
      className: 'batch',
      rule: undefined,
      place: undefined,
      reason: 'default class',
    });
    expect(classifier.counters).toMatchObject({ requests: 1, defaulted: 1, verifications: 0 });
  });

  test('a policy without rules gives the default', () => {
    expect(compileClassifier(policyOf([])).classify(request()).className).toBe('interactive');
  });

  test('the first rule wins across the borders of the index words', () => {
    const rules = Array.from(
      { length: 1100 },
      (): RuleOf => ({ match: { method: ['PUT'] }, class: 'batch' }),
    );
    const last: RuleOf[] = [
      { match: { path: '/a' }, class: 'urgent' },
      { match: { path: '/**' }, class: 'batch' },
    ];
    const classifier = compileClassifier(policyOf([...rules, ...last]));
    expect(classifier.classify(request({ path: '/a' })).rule).toBe('rule-1100');
    expect(classifier.classify(request({ path: '/b' })).rule).toBe('rule-1101');
    expect(classifier.classify(request({ path: '/a', method: 'PUT' })).rule).toBe('rule-0');
  });
});

describe('a thousand rules', () => {
  const ways: Record<string, { rule(index: number): RuleOf['match']; facts: RequestFacts; rule_: string }> = {
    'a literal beginning': {
      rule: (index) => ({ path: `/service-${index}/**` }),
      facts: request({ path: '/service-700/x' }),
      rule_: 'rule-700',
    },
    'a literal after a wildcard': {
      rule: (index) => ({ path: `/api/*/tenant-${index}/**` }),
      facts: request({ path: '/api/v1/tenant-700/x' }),
      rule_: 'rule-700',
    },
    'a literal anywhere': {
      rule: (index) => ({ path: `/**/job-${index}` }),
      facts: request({ path: '/a/b/c/job-700' }),
      rule_: 'rule-700',
    },
    'a gRPC method': {
      rule: (index) => ({ grpc: `shop.Catalog/Method${index}` }),
      facts: request({ path: '/shop.Catalog/Method700', headers: { 'content-type': 'application/grpc' } }),
      rule_: 'rule-700',
    },
    'a host': {
      rule: (index) => ({ host: `shop-${index}.example.org` }),
      facts: request({ host: 'shop-700.example.org:80' }),
      rule_: 'rule-700',
    },
    'a domain': {
      rule: (index) => ({ host: `*.shop-${index}.example.org` }),
      facts: request({ host: 'www.eu.shop-700.example.org' }),
      rule_: 'rule-700',
    },
    'a header': {
      rule: (index) => ({ path: '/**', headers: { 'x-tenant': `tenant-${index}` } }),
      facts: request({ headers: { 'x-tenant': 'tenant-700' } }),
      rule_: 'rule-700',
    },
    'a query parameter': {
      rule: (index) => ({ query: { tenant: `t ${index}` } }),
      facts: request({ query: 'a=b&tenant=t+700' }),
      rule_: 'rule-700',
    },
    'a source network': {
      rule: (index) => ({
        sourceNetworks: [`10.${index >> 8}.${index & 255}.0/24`, `2001:db8:${index}::/48`],
      }),
      facts: request({ sourceAddress: '10.2.188.9' }),
      rule_: 'rule-700',
    },
  };

  test.each(Object.entries(ways))('told apart by %s cost one comparison', (_, { rule, facts, rule_ }) => {
    const rules = Array.from(
      { length: 1000 },
      (_unused, index): RuleOf => ({ match: rule(index), class: 'batch' }),
    );
    const classifier = compileClassifier(policyOf(rules));
    expect(classifier.classify(facts).rule).toBe(rule_);
    expect(classifier.counters.verifications).toBe(1);
  });

  test('that share their first and last segments are told apart by both together', () => {
    const rules = Array.from(
      { length: 1024 },
      (_, index): RuleOf => ({
        match: { path: `/row-${index >> 5}/column-${index & 31}` },
        class: 'batch',
      }),
    );
    const classifier = compileClassifier(policyOf(rules));
    expect(classifier.classify(request({ path: '/row-20/column-3' })).rule).toBe('rule-643');
    expect(classifier.counters.verifications).toBe(1);
  });

  test('by more headers than are indexed still match', () => {
    const rules = Array.from(
      { length: 50 },
      (_, index): RuleOf => ({
        match: { headers: { [`x-${index}`]: 'yes' } },
        class: 'batch',
      }),
    );
    const classifier = compileClassifier(policyOf(rules));
    expect(classifier.classify(request({ headers: { 'x-3': 'yes' } })).rule).toBe('rule-3');
    expect(classifier.classify(request({ headers: { 'x-44': 'yes' } })).rule).toBe('rule-44');
  });
});

describe('limits', () => {
  const generous = compileClassifier(
    policyOf([{ match: { path: '/**', query: { bulk: '*' } }, class: 'batch' }], 'urgent'),
  );

  test('a path beyond them gets the least important class', () => {
    const deep = '/a'.repeat(MAX_PATH_SEGMENTS);
    expect(generous.classify(request({ path: deep })).className).toBe('urgent');
    expect(generous.classify(request({ path: `${deep}/a` })).className).toBe('batch');
    expect(generous.classify(request({ path: `/${'a'.repeat(MAX_PATH_CHARACTERS)}` })).className).toBe(
      'batch',
    );
    expect(generous.classify(request({ path: '/a%2Fa'.repeat(MAX_PATH_SEGMENTS) })).className).toBe('batch');
    expect(generous.classify(request({ path: `/${'%61/'.repeat(MAX_PATH_SEGMENTS)}b` })).className).toBe(
      'batch',
    );
    expect(generous.counters.oversizedPaths).toBe(4);
  });

  test('a query beyond them gets the least important class where a rule reads the query', () => {
    const many = Array.from({ length: MAX_QUERY_PARAMETERS }, (_, index) => `p${index}=1`).join('&');
    expect(generous.classify(request({ query: many })).className).toBe('urgent');
    expect(generous.classify(request({ query: `${many}&more=1` })).className).toBe('batch');
    expect(generous.classify(request({ query: 'x'.repeat(MAX_QUERY_CHARACTERS + 1) })).className).toBe(
      'batch',
    );
    expect(generous.counters.oversizedQueries).toBe(2);
    const careless = compileClassifier(policyOf([], 'urgent'));
    expect(careless.classify(request({ query: `${many}&more=1` })).className).toBe('urgent');
  });
});
