import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ClassCongestion, Hint } from '../../../src/core/index.ts';
import { HintMaker } from '../../../src/sdn-bridge/estimator/hint-maker.ts';
import type { LinkEstimate } from '../../../src/sdn-bridge/estimator/link-estimator.ts';

const TTL_MS = 900;
const DAMPING = { congestedLevel: 0.7, calmLevel: 0.3 };

function maker(): HintMaker {
  return new HintMaker({ classes: ['interactive', 'batch'], epoch: 7, ttlMs: TTL_MS, damping: DAMPING });
}

function congestion(level: number): ClassCongestion {
  return { level, queueingDelayMs: 0, utilization: 0, lossRatio: 0 };
}

function estimate(...levels: number[]): LinkEstimate {
  return { utilization: 0.25, classes: levels.map(congestion) };
}

const both = (level: number): LinkEstimate => estimate(level, level);

describe('hints', () => {
  test('are said at first sight, on a notable change, and thrice in their life', () => {
    const one = maker();
    const sent: number[] = [];
    for (let ms = 0; ms <= 900; ms += 20) {
      const level = ms < 100 ? 0.4 : 0.46;
      if (one.see('s1>s2', false, both(level), ms).hint !== undefined) sent.push(ms);
    }
    expect(sent).toEqual([0, 100, 400, 700]);
  });

  test('say everything of a link, numbered for each link', () => {
    const one = maker();
    one.see('s1>s2', false, both(0), 0);
    expect(one.see('s2>s1', false, both(0), 0).hint?.sequence).toBe(1);
    expect(one.see('s1>s2', false, estimate(1, 0), 20).hint).toEqual({
      link: 's1>s2',
      epoch: 7,
      sequence: 2,
      ttlMs: TTL_MS,
      down: false,
      utilization: 0.25,
      classes: { interactive: congestion(1), batch: congestion(0) },
    });
  });

  test('say that a link is down at once, also where nothing is known of it', () => {
    const one = maker();
    one.see('s1>s2', false, both(0), 0);
    const down = one.see('s1>s2', true, undefined, 20);
    expect(down.hint).toMatchObject({ down: true, classes: {} });
    expect(down.crossings.map(({ congested, level }) => [congested, level])).toEqual([
      [true, 1],
      [true, 1],
    ]);
    expect(one.see('s1>s2', false, both(0), 40).hint).toMatchObject({ down: false });
  });

  test('are said when a threshold is crossed, however small the step', () => {
    const one = maker();
    one.see('s1>s2', false, both(0.69), 0);
    expect(one.see('s1>s2', false, both(0.695), 20).hint).toBeUndefined();
    expect(one.see('s1>s2', false, both(0.7), 40).hint).toBeDefined();
    one.see('s1>s2', false, both(0.31), 60);
    expect(one.see('s1>s2', false, both(0.3), 80).hint).toBeDefined();
  });

  test('between the thresholds a link stays what it was', () => {
    const one = maker();
    const seen = [0.5, 0.7, 0.5, 0.31, 0.3, 0.5, 0.69, 0.9].flatMap((level, index) =>
      one
        .see('s1>s2', false, estimate(level, 0), index)
        .crossings.map(({ congested, classIndex }) => [level, congested, classIndex]),
    );
    expect(seen).toEqual([
      [0.7, true, 0],
      [0.3, false, 0],
      [0.9, true, 0],
    ]);
  });

  test('whoever believes the last hint is never wrong by much, nor for long', () => {
    const step = fc.record({
      elapsedMs: fc.integer({ min: 1, max: 100 }),
      levels: fc.tuple(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
      ),
      down: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const one = maker();
        let nowMs = 0;
        let last: Hint | undefined;
        let lastMs = 0;
        for (const { elapsedMs, levels, down } of steps) {
          nowMs += elapsedMs;
          const { hint } = one.see('s1>s2', down, estimate(...levels), nowMs);
          if (hint !== undefined) {
            expect(hint.sequence).toBe((last?.sequence ?? 0) + 1);
            last = hint;
            lastMs = nowMs;
          }
          expect(nowMs - lastMs).toBeLessThan(TTL_MS / 3 + 1);
          expect(last?.down).toBe(down);
          if (down) continue;
          for (const [index, name] of ['interactive', 'batch'].entries()) {
            const level = levels[index] ?? 0;
            const said = last?.classes[name]?.level ?? 0;
            expect(Math.abs(said - level)).toBeLessThan(0.05);
            expect(said >= DAMPING.congestedLevel).toBe(level >= DAMPING.congestedLevel);
          }
        }
      }),
    );
  });
});
