import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HintStore } from '../../../src/control-plane/hint-store.ts';
import { CONTROL_LIMITS } from '../../../src/control-protocol/index.ts';
import { hintAbout } from './support.ts';

describe('the store of hints', () => {
  it('keeps the newest of a link, and says why it does not take another', () => {
    const store = new HintStore();
    expect(store.accept(hintAbout('s1>s2', 5), 0)).toBe('taken');
    expect(store.accept(hintAbout('s1>s2', 5), 0)).toBe('out-of-order');
    expect(store.accept(hintAbout('s1>s2', 4), 0)).toBe('out-of-order');
    expect(store.accept(hintAbout('s1>s2', 1, { epoch: 2 }), 0)).toBe('taken');
    expect(store.accept(hintAbout('s1>s2', 6), 0)).toBe('old-epoch');
    expect(store.fresh('s1>s2', 0)?.hint.epoch).toBe(2);
  });

  it('forgets a hint when its time has passed, but not at once that older ones are old', () => {
    const store = new HintStore();
    store.accept(hintAbout('s1>s2', 5), 0);
    expect(store.fresh('s1>s2', 999)).toBeDefined();
    expect(store.fresh('s1>s2', 1000)).toBeUndefined();
    expect(store.count(1000)).toBe(0);
    expect(store.accept(hintAbout('s1>s2', 4), 2000)).toBe('out-of-order');
    // Long after, the clock of the source may have been set back.
    expect(store.accept(hintAbout('s1>s2', 4), 1001 + CONTROL_LIMITS.ttlMs)).toBe('taken');
  });

  it('knows links by the topology as soon as there is one', () => {
    const store = new HintStore();
    expect(store.accept(hintAbout('s8>s9', 1), 0)).toBe('taken');
    store.setLinks(new Set(['s1>s2']));
    expect(store.fresh('s8>s9', 0)).toBeUndefined();
    expect(store.accept(hintAbout('s8>s9', 2), 0)).toBe('unknown-link');
    expect(store.accept(hintAbout('s1>s2', 1), 0)).toBe('taken');
  });

  it('is bounded', () => {
    const store = new HintStore();
    for (let index = 0; index < CONTROL_LIMITS.links; index += 1)
      store.accept(hintAbout(`s${index}>t`, 1), 0);
    expect(store.accept(hintAbout('one>more', 1), 0)).toBe('full');
    expect(store.accept(hintAbout('s0>t', 2), 0)).toBe('taken');
    expect(store.count(0)).toBe(CONTROL_LIMITS.links);
  });

  it('holds, in whatever order hints come, the newest by epoch and sequence', () => {
    const some = fc.record({
      link: fc.constantFrom('a>b', 'b>a'),
      epoch: fc.integer({ min: 0, max: 3 }),
      sequence: fc.integer({ min: 0, max: 20 }),
    });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 60 }), (all) => {
        const store = new HintStore();
        let version = 0;
        for (const { link, epoch, sequence } of all) {
          const taken = store.accept(hintAbout(link, sequence, { epoch }), 0) === 'taken';
          expect(store.version).toBe(taken ? version + 1 : version);
          version = store.version;
        }
        for (const link of ['a>b', 'b>a']) {
          const ranks = all.filter((one) => one.link === link).map((one) => one.epoch * 100 + one.sequence);
          const held = store.fresh(link, 0)?.hint;
          expect(held === undefined ? -1 : held.epoch * 100 + held.sequence).toBe(Math.max(-1, ...ranks));
        }
      }),
      { numRuns: 500 },
    );
  });
});
