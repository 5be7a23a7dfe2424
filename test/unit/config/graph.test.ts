import { describe, expect, it } from 'vitest';
import { findRoute, parseApplicationGraph } from '../../../src/config/index.ts';
import { edited, findingsIn, listed, repositoryText } from './support.ts';

const TEXT = repositoryText('experiments/case-study/application.yaml');
const faults = (text: string) => listed(findingsIn(() => parseApplicationGraph(text, 'a.yaml')));

describe('application graphs', () => {
  it('have defaults', () => {
    const graph = parseApplicationGraph(TEXT, 'a.yaml');
    expect(graph.services['catalog']?.routes[0]).toEqual({
      path: '/products/{id}',
      method: 'GET',
      computeMs: 2,
      responseBytes: 800,
      calls: [],
      parallel: false,
    });
  });

  it('find the route that a request takes', () => {
    const graph = parseApplicationGraph(TEXT, 'a.yaml');
    expect(findRoute(graph, 'frontend', 'GET', '/product/7')?.parallel).toBe(true);
    expect(findRoute(graph, 'frontend', 'GET', '/export/all')?.calls[0]?.relay).toBe(true);
    for (const path of ['/product', '/product/', '/product/7/8', '/Product/7']) {
      expect(findRoute(graph, 'frontend', 'GET', path)).toBeUndefined();
    }
    expect(findRoute(graph, 'frontend', 'POST', '/product/7')).toBeUndefined();
    expect(findRoute(graph, 'nowhere', 'GET', '/product/7')).toBeUndefined();
  });

  it.each([
    [
      'a service that is not there',
      edited(TEXT, 'service: catalog', 'service: catalogue'),
      /INVALID there is no service catalogue/,
    ],
    [
      'a route that is not there',
      edited(TEXT, 'path: "/ratings/{id}" }', 'path: "/rating/{id}" }'),
      /INVALID ratings has no route GET \/rating\/\{id\}/,
    ],
    [
      'a parameter without a value',
      edited(TEXT, 'path: "/ratings/{id}" }', 'path: "/ratings/{what}" }'),
      /INVALID \{what\} has no value/,
    ],
    [
      'a call that leads back',
      edited(
        TEXT,
        /- \{ path: "\/ratings\/\{id\}", computeMs: 1, responseBytes: \d+ \}/.exec(TEXT)?.[0] ?? '',
        '- { path: "/ratings/{id}", calls: [{ service: frontend, path: "/product/{id}" }] }',
      ),
      /CONFLICT the call leads back: frontend \/product\/\{id\} -> reviews \/reviews\/\{id\} -> ratings \/ratings\/\{id\} -> frontend/,
    ],
    [
      'no service',
      'schema: priomesh/graph/v1\nname: none\nservices: {}\n',
      /3:11 INVALID the application has no service/,
    ],
  ])('refuse %s', (_, text, expected) => {
    const found = faults(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  it('refuse more routes than a chain of calls may have', () => {
    const chain = Array.from(
      { length: 1001 },
      (_, index) =>
        `  s${index}: { workers: 1, routes: [{ path: /x${index < 1000 ? `, calls: [{ service: s${index + 1}, path: /x }]` : ''} }] }`,
    );
    const text = (from: number) =>
      `schema: priomesh/graph/v1\nname: long\nservices:\n${chain.slice(from).join('\n')}\n`;
    expect(faults(text(0))).toEqual([expect.stringContaining('1001 routes')]);
    expect(Object.keys(parseApplicationGraph(text(1), 'a.yaml').services)).toHaveLength(1000);
  });
});
