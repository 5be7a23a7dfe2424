import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RuleMatch } from '../../../src/core/index.ts';
import { compileClassifier } from '../../../src/ingress-classifier/index.ts';
import { CLASS_NAMES, policyOf, request } from './fixtures.ts';
import { naiveClassify } from './naive.ts';

// Small alphabets, so that rules and requests meet often.
const literal = fc.constantFrom('a', 'b', 'export', 'x~y');
const patternPart = fc.oneof(
  { weight: 5, arbitrary: literal },
  { weight: 2, arbitrary: fc.constantFrom('*', '{id}') },
  { weight: 1, arbitrary: fc.constant('**') },
);
const pattern = fc.array(patternPart, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const spelled = fc.constantFrom(
  'a',
  'b',
  'export',
  'x~y',
  '%61',
  'x%7ey',
  'x%7Ey',
  '.',
  '..',
  '%2e%2E',
  '',
  'a;p=1',
  '..;x',
  'a%2fb',
  'a%2F..',
  'a\\b',
  'b%5Ca',
  'b%3Bq',
  '%',
  '%zz',
  '%25',
  'é',
);
const path = fc.oneof(
  fc.array(literal, { maxLength: 5 }).map((parts) => `/${parts.join('/')}`),
  fc.array(spelled, { maxLength: 5 }).map((parts) => `/${parts.join('/')}`),
  fc.constant('*'),
);
const address = fc.constantFrom(
  '10.1.2.3',
  '10.200.0.1',
  '192.0.2.7',
  '2001:db8::1',
  '2001:db9::1',
  'fe80::1',
  'none',
);
const block = fc.constantFrom(
  '10.0.0.0/8',
  '10.1.0.0/16',
  '192.0.2.7/32',
  '0.0.0.0/0',
  '2001:db8::/32',
  '::/0',
);
const word = fc.constantFrom('1', '2', 'a b', 'é', '');
const parameter = fc.tuple(fc.constantFrom('q', 'bulk', 'b+k', '%71'), word, fc.boolean());
const query = fc
  .array(parameter, { maxLength: 4 })
  .map((parameters) =>
    parameters
      .map(
        ([name, value, plain]) =>
          `${name}=${plain ? value.replaceAll(' ', '+').replaceAll('é', 'Ã©') : encodeURIComponent(value)}`,
      )
      .join('&'),
  );
const headerValue = fc.constantFrom(
  'one',
  'two',
  'one-more',
  'application/grpc',
  'Application/gRPC+proto',
  'application/grpcx',
);

const match: fc.Arbitrary<RuleMatch> = fc.record(
  {
    path: pattern,
    method: fc.subarray(['GET', 'POST', 'get'], { minLength: 1 }),
    host: fc.constantFrom('shop.example.org', '*.example.org', 'example.org', '*'),
    headers: fc.dictionary(fc.constantFrom('x-a', 'x-b'), fc.constantFrom('one', 'two', 'one*', '*'), {
      maxKeys: 2,
    }),
    query: fc.dictionary(fc.constantFrom('q', 'bulk', 'b k'), fc.oneof(word, fc.constant('*')), {
      maxKeys: 2,
    }),
    bodyBytesAtLeast: fc.constantFrom(0, 100),
    bodyBytesAtMost: fc.constantFrom(99, 1000),
    grpc: fc.constantFrom('a/b', 'export/*'),
    sourceNetworks: fc.array(block, { maxLength: 3 }),
    urgencyAtMost: fc.constantFrom(0, 3),
    urgencyAtLeast: fc.constantFrom(2, 5),
  },
  { requiredKeys: [] },
);
// Most rules ask for little, or else nearly nothing would ever match.
const sparse = fc.oneof(
  match.map(({ path }): RuleMatch => (path === undefined ? {} : { path })),
  match.map(({ path, query }): RuleMatch => ({ ...(path && { path }), ...(query && { query }) })),
  match,
);
const rules = fc.array(fc.record({ match: sparse, class: fc.constantFrom(...CLASS_NAMES) }), {
  maxLength: 80,
});
const facts = fc
  .record({
    path,
    query,
    method: fc.constantFrom('GET', 'POST', 'get'),
    host: fc.constantFrom('shop.example.org', 'SHOP.Example.Org:8080', 'example.org.', 'other', ''),
    bodyBytes: fc.constantFrom(-1, 0, 99, 100, 1001),
    sourceAddress: address,
    urgency: fc.integer({ min: -1, max: 7 }),
    headers: fc.dictionary(fc.constantFrom('x-a', 'x-b', 'content-type'), headerValue),
  })
  .map(request);

test('two slashes are ambiguous: they do not dodge a rule for the root', () => {
  const policy = policyOf([{ match: { path: '/' }, class: 'interactive' }], 'urgent');
  const classifier = compileClassifier(policy);
  const facts = { query: '', method: 'GET', host: '', bodyBytes: -1, sourceAddress: 'none', urgency: -1 };
  const one = request({ ...facts, path: '//', headers: {} });
  expect(classifier.classify(one).className).toBe('interactive');
  expect(classifier.counters.ambiguous).toBe(1);
});

describe('the compiled classifier', () => {
  test('answers as if every rule were asked in order', () => {
    const reached = { rule: 0, fallback: 0 };
    fc.assert(
      fc.property(
        rules,
        fc.constantFrom(...CLASS_NAMES),
        fc.array(facts, { minLength: 1, maxLength: 8 }),
        (some, fallback, requests) => {
          const policy = policyOf(some, fallback);
          const classifier = compileClassifier(policy);
          for (const one of requests) {
            const { className, rule } = classifier.classify(one);
            expect({ className, rule }).toEqual(naiveClassify(policy, one));
            reached[rule === undefined ? 'fallback' : 'rule'] += 1;
          }
        },
      ),
      { numRuns: 1500 },
    );
    // Both outcomes have to be common, or the comparison would say little.
    expect(Math.min(reached.rule, reached.fallback)).toBeGreaterThan(500);
  });
});
