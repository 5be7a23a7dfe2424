import type { Matcher } from '../matcher.ts';

/** `method`: one of a list, letter case counts (RFC 9110 section 9.1). */
export function methodMatcher(): Matcher {
  return {
    compile({ method }) {
      if (method === undefined) return undefined;
      const [first] = method;
      if (method.length === 1) {
        return { keySets: [], matches: ({ facts }) => facts.method === first };
      }
      const methods: ReadonlySet<string> = new Set(method);
      return { keySets: [], matches: ({ facts }) => methods.has(facts.method) };
    },
  };
}
