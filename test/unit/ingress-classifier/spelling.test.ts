import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileClassifier } from '../../../src/ingress-classifier/index.ts';
import { CLASS_NAMES, policyOf, request } from './fixtures.ts';

const guarded = policyOf(
  [
    { match: { path: '/export/**' }, class: 'batch' },
    { match: { path: '/pages/**' }, class: 'urgent' },
    { match: { query: { mode: 'slow' } }, class: 'batch' },
    { match: { query: { mode: 'fast' } }, class: 'urgent' },
  ],
  'interactive',
);
const classOf = (path: string, query = ''): string =>
  compileClassifier(guarded).classify(request({ path, query })).className;

describe('spelling a path differently (RFC 3986 section 6.2.2)', () => {
  test.each([
    '/%65xport/all',
    '/exp%6Frt/all',
    '/./export/all',
    '/x/../export/all',
    '/%2E/export/all',
    '/pages/%2e%2E/export/all',
    '/export/',
    'http://any.example/export/all',
  ])('%s is /export all the same', (path) => {
    expect(classOf(path)).toBe('batch');
  });

  test.each([
    ['an encoded slash', '/pages/..%2Fexport/all'],
    ['a doubled slash', '//export/all'],
    ['a backslash', '/pages\\..\\export/all'],
    ['an encoded backslash', '/pages%5C..%5Cexport'],
    ['path parameters', '/export;v=1/all'],
    ['path parameters on dots', '/pages/..;/export/all'],
    ['encoded path parameters', '/export%3Bv=1'],
  ])('%s gains nothing where servers differ in how they read it', (_, path) => {
    expect(classOf(path)).toBe('batch');
  });

  test('and a server that reads literally is believed as well', () => {
    expect(classOf('/export/..%2F..%2Fpages/1')).toBe('batch');
    expect(classOf('/export%2F..%2Fpages/all')).toBe('interactive');
    expect(classOf('/pages/%2565xport')).toBe('urgent');
  });

  test('a parameter that comes twice gets the less important of its classes', () => {
    expect(classOf('/x', 'mode=fast')).toBe('urgent');
    expect(classOf('/x', 'mode=fast&mode=slow')).toBe('batch');
    expect(classOf('/x', 'mode=slow&mode=fast')).toBe('batch');
    expect(classOf('/x', 'mode=other&mode=fast')).toBe('interactive');
  });

  const segment = fc.constantFrom('export', 'pages', 'a~b', 'x', 'one.two');
  const plainPath = fc.array(segment, { minLength: 1, maxLength: 4 });

  test('no equivalent spelling changes the class', () => {
    const noise = fc.constantFrom('', './', 'y/../', '%2e/', 'y/%2E%2e/');
    fc.assert(
      fc.property(
        plainPath,
        fc.array(noise, { minLength: 4, maxLength: 4 }),
        fc.nat(),
        fc.boolean(),
        (parts, noises, which, slash) => {
          const spelled = parts.map((part, index) => {
            const at = which % part.length;
            const code = part.charCodeAt(at).toString(16);
            return `${noises[index] ?? ''}${part.slice(0, at)}%${index % 2 === 0 ? code.toUpperCase() : code}${part.slice(at + 1)}`;
          });
          expect(classOf(`/${spelled.join('/')}${slash ? '/' : ''}`)).toBe(classOf(`/${parts.join('/')}`));
        },
      ),
    );
  });

  test('no spelling that a lenient server takes for a path gains on that path', () => {
    const separator = fc.constantFrom(
      '/',
      '//',
      '%2F',
      '%2f',
      '\\',
      '%5c',
      ';p/',
      '/./',
      '/z/..;/',
      '/z%2f../',
    );
    const rank = (name: string): number => [...CLASS_NAMES].map(String).indexOf(name);
    fc.assert(
      fc.property(plainPath, fc.array(separator, { minLength: 4, maxLength: 4 }), (parts, separators) => {
        const spelled = parts.map((part, index) => part + (separators[index] ?? '')).join('');
        expect(rank(classOf(`/${spelled}`))).toBeGreaterThanOrEqual(rank(classOf(`/${parts.join('/')}`)));
      }),
    );
  });
});

describe('hostile input', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({
      unit: fc.constantFrom('/', '.', '%', '2', 'f', 'e', ';', '\\', '\0', '&', '=', '+', '[', ']', ':'),
      maxLength: 300,
    }),
  );

  test('never throws', () => {
    const classifier = compileClassifier(
      policyOf([
        { match: { path: '/**/a/**/b/**' }, class: 'batch' },
        { match: { host: '*.example.org', headers: { 'x-a': 'b*' } }, class: 'batch' },
        { match: { query: { a: '1' }, sourceNetworks: ['10.0.0.0/8', '::/1'] }, class: 'urgent' },
        { match: { grpc: 'a.B/*' }, class: 'urgent' },
      ]),
    );
    fc.assert(
      fc.property(text, text, text, text, text, (path, query, host, sourceAddress, value) => {
        const facts = request({
          path,
          query,
          host,
          sourceAddress,
          method: value,
          headers: { 'x-a': value, 'content-type': value },
        });
        expect(CLASS_NAMES).toContain(classifier.classify(facts).className);
        expect(CLASS_NAMES).toContain(classifier.classify({ ...facts, path: `/${path}` }).className);
      }),
      { numRuns: 2000 },
    );
  });
});
