import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Call, Route } from '../../../src/workload/application-config.ts';
import { compileRoutes } from '../../../src/workload/route-table.ts';

function route(path: string, method = 'GET', calls: readonly Call[] = []): Route {
  return { path, method, computeMs: 0, responseBytes: 0, calls, parallel: false };
}

function pathOf(result: ReturnType<ReturnType<typeof compileRoutes>>): string | number {
  return typeof result === 'number' ? result : result.route.path;
}

describe('a route table', () => {
  const table = compileRoutes([
    route('/'),
    route('/books/new'),
    route('/books/{id}'),
    route('/books/{id}/reviews/{review}'),
    route('/books/{id}', 'POST'),
  ]);

  test.each([
    ['GET', '/', '/'],
    ['GET', '/?a=1', '/'],
    ['GET', '/books/new', '/books/new'],
    ['GET', '/books/17', '/books/{id}'],
    ['GET', '/books/17?full=yes/no', '/books/{id}'],
    ['POST', '/books/17', '/books/{id}'],
    ['GET', '/books/17/reviews/2', '/books/{id}/reviews/{review}'],
    ['GET', '/books/', 404],
    ['GET', '/books', 404],
    ['GET', '/books/17/', 404],
    ['GET', '/books//reviews/2', 404],
    ['DELETE', '/books/17', 405],
    ['GET', 'http://example.org/books/17', 404],
    ['GET', '*', 404],
    ['GET', '', 404],
  ])('%s %s leads to %s', (method, target, expected) => {
    expect(pathOf(table(method, target))).toBe(expected);
  });

  test('puts the parameters of the path into the paths of the calls', () => {
    const calls = [{ service: 'reviews', path: '/of/{id}/{id}/all', relay: true, via: 'http' as const }];
    const match = compileRoutes([route('/books/{id}', 'GET', calls)])('GET', '/books/a%20b');
    expect(match).toMatchObject({
      calls: [{ service: 'reviews', path: '/of/a%20b/a%20b/all', relay: true, via: 'http' as const }],
    });
  });

  test('refuses a call that uses a parameter which the route does not have', () => {
    const calls = [{ service: 'reviews', path: '/of/{book}', relay: true, via: 'http' as const }];
    expect(() => compileRoutes([route('/books/{id}', 'GET', calls)])).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('{book}') }),
    );
  });

  test('gives every segment back as it came', () => {
    const segment = fc.stringMatching(/^[A-Za-z0-9._~%!$&'()*+,;=:@{}-]{1,12}$/);
    const calls = [{ service: 's', path: '/{c}/x/{a}/{b}', relay: false, via: 'http' as const }];
    const parametrized = compileRoutes([route('/{a}/{b}/{c}', 'GET', calls)]);
    fc.assert(
      fc.property(segment, segment, segment, (a, b, c) => {
        expect(parametrized('GET', `/${a}/${b}/${c}`)).toMatchObject({
          calls: [{ path: `/${c}/x/${a}/${b}` }],
        });
      }),
    );
  });
});
