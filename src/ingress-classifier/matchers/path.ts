import type { Matcher } from '../matcher.ts';
import { compilePattern, offerPathKeys } from '../pattern.ts';

/** `path`: a pattern over segments. */
export function pathMatcher(): Matcher {
  return {
    compile: ({ path }) => (path === undefined ? undefined : compilePattern(path)),
    prepare: offerPathKeys,
  };
}
