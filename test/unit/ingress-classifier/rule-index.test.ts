import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KEY_KINDS, type KeySet } from '../../../src/ingress-classifier/matcher.ts';
import { RuleIndex } from '../../../src/ingress-classifier/rule-index.ts';

function candidates(index: RuleIndex): number[] {
  const found: number[] = [];
  for (let rule = index.next(0); rule >= 0; rule = index.next(rule + 1)) found.push(rule);
  return found;
}

describe('the index of rules', () => {
  test('gives each candidate once, in order, wherever it stands', () => {
    const positions = fc.uniqueArray(fc.nat(2199), { maxLength: 40 });
    fc.assert(
      fc.property(positions, positions, fc.boolean(), (keyed, always, twice) => {
        const kind = KEY_KINDS.header;
        const rules = Array.from({ length: 2200 }, (_, rule): KeySet[] =>
          always.includes(rule) ? [] : [{ kind, keys: keyed.includes(rule) ? [7, 8] : [rule + 100] }],
        );
        const index = new RuleIndex(rules);
        for (let request = 0; request < 2; request += 1) {
          index.begin();
          index.offer(kind, 7);
          index.offer(KEY_KINDS.query, 150);
          if (twice) index.offer(kind, 8);
          const expected = [...new Set([...keyed, ...always])].sort((a, b) => a - b);
          expect(candidates(index)).toEqual(expected);
        }
        index.begin();
        expect(candidates(index)).toEqual([...always].sort((a, b) => a - b));
      }),
    );
  });

  test('files a rule under the keys that it shares with the fewest', () => {
    const kind = KEY_KINDS.pathPrefix;
    const index = new RuleIndex([
      [
        { kind, keys: [1] },
        { kind, keys: [2] },
      ],
      [
        { kind, keys: [1] },
        { kind, keys: [3] },
      ],
    ]);
    index.begin();
    index.offer(kind, 1);
    expect(candidates(index)).toEqual([]);
    index.offer(kind, 3);
    expect(candidates(index)).toEqual([1]);
  });
});
