import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NetworkPath, type Reaction, seededRandom } from '../../../src/core/index.ts';
import { AdmissionControl, HintTable, PathChooser, ReplicaChooser } from '../../../src/reactions/index.ts';
import { BATCH, CLASSES, DAMPING, hint, INTERACTIVE, path, TWO_PATHS } from './fixtures.ts';

const [NEAR, FAR] = ['10.0.0.2', '10.0.0.3'];
const ONE_PATH = [path('only')];

interface Setup {
  readonly peers?: ReadonlyMap<string, readonly NetworkPath[]>;
  readonly owned?: readonly number[];
  readonly controlled?: readonly number[];
  readonly reaction?: Partial<Reaction>;
  readonly seed?: number;
}

function scene(setup: Setup = {}) {
  const { owned = [INTERACTIVE, BATCH], controlled = [], seed = 1 } = setup;
  const {
    peers = new Map([
      [NEAR, TWO_PATHS],
      [FAR, ONE_PATH],
    ]),
  } = setup;
  const hints = new HintTable({ classes: CLASSES.map(({ name }) => name), capacity: 16 });
  const random = seededRandom(seed);
  const common = { hints, damping: DAMPING };
  const chooser = new PathChooser({
    ...common,
    classes: CLASSES,
    classIndices: owned,
    controllerClassIndices: controlled,
    random,
  });
  const replicas = new ReplicaChooser({ ...common, classIndices: [INTERACTIVE, BATCH], chooser });
  const reaction: Reaction = {
    decide: 'admission',
    owner: 'sidecar',
    classes: ['batch'],
    sharePercent: 25,
    maxDurationMs: 2000,
    place: { file: 'policy.yaml', line: 1, column: 1 },
    ...setup.reaction,
  };
  const admission = new AdmissionControl({ ...common, reactions: [reaction], classes: CLASSES, chooser });
  let nowMs = 10_000;
  const levels = new Map<string, number>();
  chooser.setPeers(peers, nowMs);
  return {
    chooser,
    replicas,
    admission,
    get nowMs() {
      return nowMs;
    },
    say: (id: string, level: number) => levels.set(`${id}>there`, level),
    prefers: (peer: string, classIndex = BATCH) => replicas.prefers(peer, classIndex, nowMs),
    /** Goes on in steps of 20 ms. */
    run(ms: number, each = (): void => {}): void {
      for (const endMs = nowMs + ms; nowMs < endMs; ) {
        nowMs += 20;
        for (const [link, level] of levels) hints.accept(hint(link, level), nowMs);
        chooser.decide(nowMs);
        each();
      }
    },
  };
}

describe('the choice of a replica', () => {
  it('prefers all while nothing hurts, and peers nobody knows', () => {
    const one = scene();
    one.run(1000);
    expect([one.prefers(NEAR), one.prefers(FAR), one.prefers('10.9.9.9')]).toEqual([true, true, true]);
  });

  it('avoids a peer whose only path hurts, until it is calm and the hold time over', () => {
    const one = scene();
    one.say('only', 0.8);
    one.run(20);
    expect([one.prefers(FAR), one.prefers(NEAR)]).toEqual([false, true]);
    one.say('only', 0.5);
    one.run(5000);
    expect(one.prefers(FAR)).toBe(false);
    one.say('only', 0.2);
    one.run(20);
    expect(one.prefers(FAR)).toBe(true);
  });

  it('waits for the other path where there is one', () => {
    const one = scene();
    one.say('primary', 0.9);
    one.say('secondary', 0);
    const answers = new Set<boolean>();
    one.run(3000, () => answers.add(one.prefers(NEAR)));
    expect(one.chooser.pathOf(NEAR, BATCH)).toBe(1);
    expect([...answers]).toEqual([true]);
    one.say('secondary', 0.9);
    one.run(100);
    expect(one.prefers(NEAR)).toBe(false);
  });

  it('counts a class whose path the controller chooses as congested when all paths are', () => {
    const one = scene({ owned: [], controlled: [BATCH] });
    one.say('primary', 0.9);
    one.say('secondary', 0);
    one.run(20);
    // Nobody chooses the path of interactive: it hurts where it is.
    expect([one.prefers(NEAR, BATCH), one.prefers(NEAR, INTERACTIVE)]).toEqual([true, false]);
    one.say('secondary', 0.9);
    one.run(20);
    expect(one.prefers(NEAR, BATCH)).toBe(false);
  });

  it('avoids longer each time that a peer hurts again once it is taken back', () => {
    const one = scene();
    const changes: number[] = [];
    let last = true;
    // Calm exactly while it is avoided: its load is what congests it.
    one.run(120_000, () => {
      const now = one.prefers(FAR);
      if (now !== last) changes.push(one.nowMs);
      last = now;
      one.say('only', now ? 0.9 : 0);
    });
    expect(changes.length).toBeGreaterThan(4);
    expect(changes.length).toBeLessThan(16);
  });

  it('changes its mind no oftener than the hold time allows, whatever the levels do', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(0, 0.3, 0.5, 0.7, 1), fc.constantFrom(20, 100, 700, 3000)), {
          size: 'max',
          maxLength: 60,
        }),
        fc.nat(1000),
        (steps, seed) => {
          const one = scene({ seed });
          let last = true;
          let avoidedMs = Number.NEGATIVE_INFINITY;
          for (const [level, ms] of steps) {
            one.say('only', level);
            one.run(ms, () => {
              const now = one.prefers(FAR);
              if (last && !now) avoidedMs = one.nowMs;
              if (!last && now) expect(one.nowMs - avoidedMs).toBeGreaterThanOrEqual(DAMPING.minHoldMs);
              last = now;
            });
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('admission control', () => {
  const batch = (sharePercent: number) => ({ classIndex: BATCH, sharePercent });

  it('lowers a class whose every path hurts, lifts it after the longest time, and not again for as long', () => {
    const one = scene();
    const changes: unknown[] = [];
    one.say('only', 1);
    const startMs = one.nowMs;
    one.run(9000, () => {
      for (const change of one.admission.decide(one.nowMs)) changes.push([one.nowMs - startMs, change]);
    });
    expect(changes).toEqual([
      [20, batch(25)],
      [2020, batch(100)],
      [4020, batch(25)],
      [6020, batch(100)],
      [8020, batch(25)],
    ]);
  });

  it('lifts it earlier when all is calm, but not before the hold time is over', () => {
    const one = scene();
    one.say('only', 1);
    one.run(20);
    expect(one.admission.decide(one.nowMs)).toEqual([batch(25)]);
    expect(one.admission.dueMs).toBe(one.nowMs + 2000);
    one.say('only', 0);
    const lifted: number[] = [];
    const startMs = one.nowMs;
    one.run(5000, () => {
      if (one.admission.decide(one.nowMs).length > 0) lifted.push(one.nowMs - startMs);
    });
    expect(lifted).toEqual([DAMPING.minHoldMs]);
    expect(one.admission.dueMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('lets the class go to another path first, and leaves other classes alone', () => {
    const one = scene({ reaction: { sharePercent: 0 } });
    one.say('primary', 1);
    one.say('secondary', 0);
    const changes: unknown[] = [];
    const decide = () => changes.push(...one.admission.decide(one.nowMs));
    one.run(3000, decide);
    expect(changes).toEqual([]);
    one.say('secondary', 1);
    one.run(40, decide);
    expect(changes).toEqual([batch(0)]);
  });

  it('passes over reactions that decide something else', () => {
    const one = scene({ reaction: { decide: 'replica' } });
    one.say('only', 1);
    one.run(1000, () => expect(one.admission.decide(one.nowMs)).toEqual([]));
  });
});
