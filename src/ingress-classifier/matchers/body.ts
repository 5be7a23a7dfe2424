import type { Matcher } from '../matcher.ts';

/** `bodyBytesAtLeast`, `bodyBytesAtMost`: the announced length of the body. A body of unknown length fulfils neither. */
export function bodyMatcher(): Matcher {
  return {
    compile({ bodyBytesAtLeast, bodyBytesAtMost }) {
      if (bodyBytesAtLeast === undefined && bodyBytesAtMost === undefined) return undefined;
      const least = bodyBytesAtLeast ?? 0;
      const most = bodyBytesAtMost ?? Number.POSITIVE_INFINITY;
      return {
        keySets: [],
        matches: ({ facts }) => facts.bodyBytes >= 0 && facts.bodyBytes >= least && facts.bodyBytes <= most,
      };
    },
  };
}
