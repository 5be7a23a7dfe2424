import { hashKey, hashText } from '../hash.ts';
import { MAX_INDEXED_HEADERS } from '../limits.ts';
import { type Condition, KEY_KINDS, type KeySet, type Matcher } from '../matcher.ts';
import type { RequestView } from '../request-view.ts';

type Test = (request: RequestView) => boolean;

function compileTest(name: string, expected: string): Test {
  if (expected === '*') return ({ facts }) => facts.header(name) !== undefined;
  if (!expected.endsWith('*')) return ({ facts }) => facts.header(name) === expected;
  const prefix = expected.slice(0, -1);
  return ({ facts }) => facts.header(name)?.startsWith(prefix) === true;
}

/** `headers`: a value, a beginning with `*` after it, or `*` for any value. */
export function headersMatcher(): Matcher {
  /** By indexed header: the seed of its keys, and the longest value that a rule asks for. */
  const indexed = new Map<string, { readonly name: string; readonly seed: number; longest: number }>();

  function keySet(name: string, expected: string): KeySet | undefined {
    if (expected.endsWith('*')) return undefined;
    let entry = indexed.get(name);
    if (entry === undefined) {
      if (indexed.size === MAX_INDEXED_HEADERS) return undefined;
      entry = { name, seed: hashText(`${name}:`), longest: 0 };
      indexed.set(name, entry);
    }
    entry.longest = Math.max(entry.longest, expected.length);
    return { kind: KEY_KINDS.header, keys: [hashKey(hashText(expected, entry.seed))] };
  }

  return {
    compile({ headers }): Condition | undefined {
      if (headers === undefined) return undefined;
      const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
      const tests = entries.map(([name, expected]) => compileTest(name, expected));
      return {
        keySets: entries.map(([name, expected]) => keySet(name, expected)).filter((set) => set !== undefined),
        matches(request) {
          for (let index = 0; index < tests.length; index += 1) {
            if (tests[index]?.(request) !== true) return false;
          }
          return true;
        },
      };
    },
    prepare({ facts }, keys) {
      for (const entry of indexed.values()) {
        const value = facts.header(entry.name);
        if (value === undefined || value.length > entry.longest) continue;
        keys.offer(KEY_KINDS.header, hashKey(hashText(value, entry.seed)));
      }
    },
  };
}
