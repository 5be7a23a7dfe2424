/** What is beyond the bound is added up under this. */
export const OTHER = '(other)';

/**
 * At most so many entries, those that came first: what stands alone once stands alone ever after, so that no counter falls. The others are
 * added up.
 */
export function bounded(counts: Iterable<readonly [string, number]>, most: number): [string, number][] {
  const kept: [string, number][] = [];
  let rest = 0;
  for (const [name, count] of counts) {
    if (kept.length < most) kept.push([name, count]);
    else rest += count;
  }
  return rest === 0 ? kept : [...kept, [OTHER, rest]];
}

/** Every number in a value, with its path: `{a: {b: 1}}` is `a.b` 1. Booleans are 0 and 1. */
export function* numbersIn(value: unknown, path = ''): Generator<readonly [string, number]> {
  if (typeof value === 'number' && Number.isFinite(value)) yield [path, value];
  else if (typeof value === 'boolean') yield [path, value ? 1 : 0];
  else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [key, member] of Object.entries(value)) {
      yield* numbersIn(member, path === '' ? key : `${path}.${key}`);
    }
  }
}
