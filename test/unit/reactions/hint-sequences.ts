import fc from 'fast-check';
import type { Hint, NetworkPath } from '../../../src/core/index.ts';
import { path } from './fixtures.ts';

/** What the network may do to a sidecar next. */
export type Event =
  | { readonly kind: 'hint'; readonly hint: Hint }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'lost' }
  | { readonly kind: 'paths'; readonly paths: readonly NetworkPath[] };

export const LINKS = ['primary', 'secondary', 'tertiary'].flatMap((id) => [`${id}>there`, `${id}>back`]);

const LISTS: readonly (readonly NetworkPath[])[] = [
  [path('primary'), path('secondary')],
  [path('primary'), path('secondary'), path('tertiary')],
  [path('primary'), path('tertiary'), path('secondary')],
  [path('secondary'), path('primary')],
  [path('primary')],
  [],
];

/** Mostly sensible, sometimes lies: not a number, out of range, huge, negative. */
const figure = (sane: fc.Arbitrary<number>): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 30, arbitrary: sane },
    { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5, 1e300, -0) },
  );

const level = figure(fc.constantFrom(0, 0.2, 0.29, 0.31, 0.5, 0.69, 0.7, 0.9, 1));

const classCongestion = fc.record({
  level,
  queueingDelayMs: figure(fc.constantFrom(0, 5, 60)),
  utilization: figure(fc.constantFrom(0, 0.3, 0.6, 1)),
  lossRatio: figure(fc.constantFrom(0, 0.1)),
});

/** Hints out of order, from sources that were restarted, about links and classes nobody knows. */
export const anyHint: fc.Arbitrary<Hint> = fc.record({
  link: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...LINKS) },
    { weight: 1, arbitrary: fc.constantFrom('', '>', 'nowhere', 'far>away', 'x'.repeat(5000)) },
  ),
  epoch: figure(fc.constantFrom(0, 1, 1, 1, 1, 1, 1, 2)),
  sequence: figure(fc.nat(400)),
  ttlMs: figure(fc.constantFrom(0, 1, 100, 1000, 1000, 1000, 60_000)),
  down: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  classes: fc.dictionary(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('interactive', 'batch') },
      { weight: 1, arbitrary: fc.constantFrom('', '__proto__', 'unknown') },
    ),
    classCongestion,
    { maxKeys: 3 },
  ),
});

const wait = fc
  .oneof(
    { weight: 6, arbitrary: fc.constantFrom(5, 20, 50, 100) },
    { weight: 3, arbitrary: fc.constantFrom(300, 999, 1000, 1001) },
    { weight: 1, arbitrary: fc.constantFrom(5000, 8000, 30_000) },
  )
  .map((ms): Event => ({ kind: 'wait', ms }));

const hintEvent = anyHint.map((hint): Event => ({ kind: 'hint', hint }));

const ofLinks = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.array(one, { minLength: LINKS.length, maxLength: LINKS.length });

/** What an honest source says of all links at one time; levels jump about as badly as they can. */
const snapshot = fc.record({
  levels: ofLinks(fc.constantFrom(0, 0, 0, 0.2, 0.5, 0.7, 1)),
  down: ofLinks(fc.integer({ min: 0, max: 15 }).map((one) => one === 0)),
});

const saying = ({ levels, down }: { levels: number[]; down: boolean[] }, sequence: number): Event[] =>
  LINKS.map((link, index): Event => {
    const one = { level: levels[index] ?? 0, queueingDelayMs: 0, utilization: 0, lossRatio: 0 };
    return {
      kind: 'hint',
      hint: {
        link,
        epoch: 1,
        sequence,
        ttlMs: 1000,
        down: down[index] ?? false,
        classes: { interactive: one, batch: one },
      },
    };
  });

/** Steps of one source that is honest, with what `between` draws between them. */
function sequences(between: fc.Arbitrary<readonly Event[]>, maxLength: number): fc.Arbitrary<Event[]> {
  return fc
    .array(fc.tuple(snapshot, between), { minLength: 5, maxLength, size: 'max' })
    .map((steps) => steps.flatMap(([said, rest], step) => [...saying(said, 10 * step + 10), ...rest]));
}

const some = (...events: fc.Arbitrary<Event>[]): fc.Arbitrary<Event[]> =>
  fc.tuple(wait, fc.array(fc.oneof(...events), { maxLength: 4 })).map(([first, more]) => [first, ...more]);

const lost = fc.constant<Event>({ kind: 'lost' });

/** Levels jump about, nothing else happens. */
export const turmoil = sequences(
  wait.map((one) => [one]),
  120,
);

/** Hints that lie, come late or out of order between those that do not; streams that are lost. */
export const lying = sequences(some(hintEvent, hintEvent, hintEvent, wait, lost), 40);

/** The same, and the lists of paths change as well. */
export const upheaval = sequences(
  some(
    hintEvent,
    wait,
    lost,
    fc.constantFrom(...LISTS).map((paths): Event => ({ kind: 'paths', paths })),
  ),
  40,
);
