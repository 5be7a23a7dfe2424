import { describe, expect, test } from 'vitest';
import { namedPaths, shortestPaths } from '../../../src/sdn-bridge/northbound/paths.ts';

const both = (...pairs: string[]): Set<string> =>
  new Set(pairs.flatMap((pair) => [pair.replace('-', '>'), pair.split('-').toReversed().join('>')]));

const DIAMOND = both('s1-s2', 's2-s4', 's1-s3', 's3-s4');

describe('paths that nobody named', () => {
  test('are the shortest, the first of them the default', () => {
    expect(shortestPaths(['s4', 's1', 's1'], DIAMOND)).toEqual([
      {
        id: 'default',
        default: true,
        between: ['s1', 's4'],
        forward: ['s1>s2', 's2>s4'],
        backward: ['s4>s2', 's2>s1'],
      },
      {
        id: 'path-2',
        default: false,
        between: ['s1', 's4'],
        forward: ['s1>s3', 's3>s4'],
        backward: ['s4>s3', 's3>s1'],
      },
    ]);
  });

  test('use links that go both ways, and make no long detours', () => {
    expect(shortestPaths(['s1', 's2'], new Set(['s1>s2']))).toEqual([]);
    const ring = both('a-b', 'b-c', 'c-d', 'd-e', 'e-a');
    expect(shortestPaths(['a', 'b'], ring).map(({ forward }) => forward.length)).toEqual([1]);
  });

  test('are bounded in a network where everything is joined to everything', () => {
    const names = Array.from({ length: 24 }, (_, index) => `s${index}`);
    const all = both(...names.flatMap((a, at) => names.slice(at + 1).map((b) => `${a}-${b}`)));
    const paths = shortestPaths(names, all);
    expect(paths.length).toBeLessThanOrEqual(4 * 256);
    expect(paths.filter((path) => path.default)).toHaveLength(256);
  });
});

describe('paths with names', () => {
  test('are there when all their links are; the first of a pair is the default', () => {
    const named = [
      { id: 'primary', switches: ['s1', 's2', 's4'] },
      { id: 'secondary', switches: ['s1', 's3', 's4'] },
      { id: 'tertiary', switches: ['s1', 's9', 's4'] },
    ];
    expect(namedPaths(named, DIAMOND).map((path) => [path.id, path.default])).toEqual([
      ['primary', true],
      ['secondary', false],
    ]);
  });

  test('a default that is not there is not replaced: others are not what unsteered packets take', () => {
    const named = [
      { id: 'primary', switches: ['s1', 's9', 's4'] },
      { id: 'secondary', switches: ['s1', 's3', 's4'] },
    ];
    expect(namedPaths(named, DIAMOND).map((path) => [path.id, path.default])).toEqual([['secondary', false]]);
  });
});
