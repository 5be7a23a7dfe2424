import type { ProvenanceResolver } from '../propagation/index.ts';

/** How many policies before this one are asked. */
const REMEMBERED = 4;

/** A policy that held before, for the requests that came in under it. */
export interface EarlierPolicy {
  readonly resolver: ProvenanceResolver;
  /** By class index then: the class index now. */
  readonly indexOf: readonly number[];
}

/** Those that held before, once another one follows them. */
export function remembered(
  last: ProvenanceResolver,
  earlier: readonly EarlierPolicy[],
  indexOf: readonly number[],
): readonly EarlierPolicy[] {
  const moved = earlier.map((one) => ({
    resolver: one.resolver,
    indexOf: one.indexOf.map((index) => indexOf[index] ?? 0),
  }));
  return [{ resolver: last, indexOf }, ...moved].slice(0, REMEMBERED);
}

/**
 * Finds the class of a request that leaves the application also where the request that caused it came in under an earlier policy, whose
 * classes stand at other places.
 */
export function withEarlier(
  now: ProvenanceResolver,
  classNames: readonly string[],
  earlier: readonly EarlierPolicy[],
): ProvenanceResolver {
  if (earlier.length === 0) return now;
  return {
    counters: now.counters,
    resolve(carried, nowMs) {
      const found = now.resolve(carried, nowMs);
      if (found.reason !== 'default') return found;
      for (const { resolver, indexOf } of earlier) {
        const then = resolver.resolve(carried, nowMs);
        if (then.reason === 'default') continue;
        const classIndex = indexOf[then.classIndex] ?? found.classIndex;
        return { classIndex, className: classNames[classIndex] ?? '', reason: then.reason };
      }
      return found;
    },
  };
}
