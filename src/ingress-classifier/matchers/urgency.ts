import type { Matcher } from '../matcher.ts';

/** `urgencyAtMost`, `urgencyAtLeast`: the urgency of an explicit RFC 9218 `priority`. Without one neither is fulfilled. */
export function urgencyMatcher(): Matcher {
  return {
    compile({ urgencyAtMost, urgencyAtLeast }) {
      if (urgencyAtMost === undefined && urgencyAtLeast === undefined) return undefined;
      const least = urgencyAtLeast ?? 0;
      const most = urgencyAtMost ?? Number.POSITIVE_INFINITY;
      return {
        keySets: [],
        matches: ({ facts }) => facts.urgency >= 0 && facts.urgency >= least && facts.urgency <= most,
      };
    },
  };
}
