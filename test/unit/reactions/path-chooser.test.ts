import { describe, expect, it } from 'vitest';
import { type Hint, type Move, type NetworkPath, seededRandom } from '../../../src/core/index.ts';
import { HintTable, PathChooser } from '../../../src/reactions/index.ts';
import { BATCH, CLASSES, DAMPING, hint, INTERACTIVE, path, requestClass, TWO_PATHS } from './fixtures.ts';

const PEER = '10.0.0.2';

interface Setup {
  readonly paths?: readonly NetworkPath[];
  readonly classes?: typeof CLASSES;
  readonly damping?: Partial<typeof DAMPING>;
  readonly seed?: number;
}

/** A chooser towards one peer, and a clock that steps through time while hints stay as they were said. */
function scene({ paths = TWO_PATHS, classes = CLASSES, damping = {}, seed = 1 }: Setup = {}) {
  const hints = new HintTable({ classes: classes.map(({ name }) => name), capacity: 64 });
  const chooser = new PathChooser({
    classes,
    classIndices: classes.map((_, index) => index),
    damping: { ...DAMPING, ...damping },
    hints,
    random: seededRandom(seed),
  });
  let nowMs = 1_000_000;
  const said = new Map<string, Hint>();
  chooser.setPeers(new Map([[PEER, paths]]), nowMs);
  return {
    hints,
    chooser,
    get nowMs() {
      return nowMs;
    },
    /** From now on the first link of a path says this. */
    say(id: string, level: Parameters<typeof hint>[1], more: Partial<Hint> = {}): void {
      said.set(`${id}>there`, hint(`${id}>there`, level, more));
    },
    hush: () => said.clear(),
    run(durationMs: number, stepMs = 10): Move[] {
      const moves: Move[] = [];
      for (const endMs = nowMs + durationMs; nowMs < endMs; nowMs += stepMs) {
        for (const one of said.values()) hints.accept({ ...one, sequence: nowMs }, nowMs);
        moves.push(...chooser.decide(nowMs));
      }
      return moves;
    },
  };
}

const short = (moves: readonly Move[]): string[] =>
  moves.map(({ classIndex, from, to, reason }) => `${classIndex}: ${from}>${to} ${reason}`);

describe('a path chooser', () => {
  it('stays where nothing is known, and where all is calm', () => {
    const one = scene();
    expect(one.run(20_000)).toEqual([]);
    one.say('primary', 0.6);
    one.say('secondary', 0);
    expect(one.run(20_000)).toEqual([]);
  });

  it('leaves a congested path within 100 ms, the class with the smallest moveOrder first, the next after escalateMs', () => {
    const one = scene();
    const startMs = one.nowMs;
    one.say('primary', 0.9);
    one.say('secondary', 0.1);
    const moves = one.run(1000);
    expect(short(moves)).toEqual([`${BATCH}: 0>1 congested`, `${INTERACTIVE}: 0>1 congested`]);
    expect((moves[0]?.atMs ?? 0) - startMs).toBeLessThan(100);
    expect((moves[1]?.atMs ?? 0) - (moves[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(DAMPING.escalateMs);
    expect(one.chooser.pathOf(PEER, BATCH)).toBe(1);
    expect(one.chooser.pathOf('10.9.9.9', BATCH)).toBe(0);
  });

  it('keeps that order whatever the lots are, and waits no longer than escalateMs for a class that cannot go', () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const one = scene({ seed });
      one.say('primary', 0.9);
      one.say('secondary', { batch: seed % 2 === 0 ? 0 : 0.9, interactive: 0 });
      const startMs = one.nowMs;
      const moves = one.run(400).map(({ classIndex, atMs }) => [classIndex, atMs - startMs] as const);
      expect(moves.map(([classIndex]) => classIndex)).toEqual(
        seed % 2 === 0 ? [BATCH, INTERACTIVE] : [INTERACTIVE],
      );
      expect(moves.at(-1)?.[1]).toBeGreaterThanOrEqual(DAMPING.escalateMs);
    }
  });

  it('stays when the other path is hardly better', () => {
    const one = scene();
    one.say('primary', 0.9);
    one.say('secondary', 0.75);
    expect(one.run(20_000)).toEqual([]);
    one.say('secondary', 0.65);
    expect(one.run(100)).toHaveLength(1);
  });

  it('chooses the best of several, and among equals by lot', () => {
    const row = [requestClass('batch', 0, { path: 'default', moveOrder: 0, alternateDscp: [3, 7, 11] })];
    const paths = ['primary', 'secondary', 'tertiary', 'fourth'].map((id) => path(id));
    const chosen = Array.from({ length: 40 }, (_, seed) => {
      const one = scene({ paths, classes: row, seed });
      one.say('primary', { batch: 1 });
      one.say('secondary', { batch: 0.4 });
      one.say('tertiary', { batch: 0.1 });
      one.say('fourth', { batch: 0.12 });
      return one.run(100)[0]?.to;
    });
    expect(new Set(chosen)).toEqual(new Set([2, 3]));
  });

  it('lets the next class stay when it no longer hurts', () => {
    const one = scene();
    one.say('primary', 0.9);
    one.say('secondary', 0.1);
    expect(one.run(100)).toHaveLength(1);
    one.say('primary', 0.5);
    expect(one.run(10_000)).toEqual([]);
  });
});

describe('coming home', () => {
  it('brings a class back whose path is `default`, and leaves the other where it is', () => {
    const one = scene();
    one.say('primary', 1);
    one.say('secondary', 0);
    one.run(2000);
    one.say('primary', 0);
    const calmMs = one.nowMs;
    const moves = one.run(20_000);
    expect(short(moves)).toEqual([`${BATCH}: 1>0 calm`]);
    expect((moves[0]?.atMs ?? 0) - calmMs).toBeGreaterThanOrEqual(DAMPING.returnAfterMs);
    expect(one.chooser.pathOf(PEER, INTERACTIVE)).toBe(1);
  });

  it('brings all back when nothing is heard any more', () => {
    const one = scene();
    one.say('primary', 1);
    one.say('secondary', 0);
    one.run(2000);
    one.hints.clear();
    one.hush();
    expect(short(one.run(DAMPING.returnAfterMs - 100))).toEqual([]);
    expect(short(one.run(1000))).toEqual([`${BATCH}: 1>0 no-hints`, `${INTERACTIVE}: 1>0 no-hints`]);
  });
});

describe('dead paths', () => {
  it('are not gone back to when hints end, if dead is the last that was heard of them', () => {
    const one = scene();
    one.say('primary', 0, { down: true });
    one.say('secondary', 0);
    one.run(100);
    one.hints.clear();
    one.hush();
    expect(one.run(60_000)).toEqual([]);
    one.say('primary', 0);
    expect(short(one.run(20_000))).toEqual([`${BATCH}: 1>0 calm`]);
  });

  it('that die by turns are fled no more than once in a hold time', () => {
    const one = scene({ classes: CLASSES.slice(0, 1) });
    let moves = 0;
    for (let turn = 0; turn < 100; turn += 1) {
      one.say('primary', 0, { down: turn % 2 === 0 });
      one.say('secondary', 0, { down: turn % 2 === 1 });
      moves += one.run(100).length;
    }
    expect(moves).toBeGreaterThanOrEqual(9);
    expect(moves).toBeLessThanOrEqual(11);
  });

  it('are fled at once, by all classes, whatever is held against moves', () => {
    const one = scene();
    one.say('primary', 0, { down: true });
    one.say('secondary', 0.9);
    expect(short(one.run(10))).toEqual([`${BATCH}: 0>1 dead`, `${INTERACTIVE}: 0>1 dead`]);
    one.say('secondary', 0, { down: true });
    one.say('primary', 0.9);
    expect(short(one.run(2000))).toEqual([`${BATCH}: 1>0 dead`, `${INTERACTIVE}: 1>0 dead`]);
  });

  it('are never chosen, also where no gain is asked for', () => {
    const one = scene({ damping: { minGain: 0 } });
    one.say('primary', 1);
    one.say('secondary', 0, { down: true });
    expect(one.run(10_000)).toEqual([]);
  });

  it('are never chosen, and nobody moves when all are dead', () => {
    const one = scene();
    one.say('primary', 1);
    one.say('secondary', 0, { down: true });
    expect(one.run(10_000)).toEqual([]);
    one.say('primary', 0, { down: true });
    expect(one.run(10_000)).toEqual([]);
  });
});

describe('what keeps it from flapping', () => {
  const stays = CLASSES.slice(0, 1);

  it('does not go back to a path whose level fell since it left, before that has lasted', () => {
    const one = scene({ classes: stays });
    one.say('primary', 1);
    one.say('secondary', 0);
    expect(one.run(100)).toHaveLength(1);
    one.say('primary', 0);
    one.say('secondary', 1);
    expect(one.run(DAMPING.returnAfterMs)).toEqual([]);
    expect(short(one.run(DAMPING.returnAfterMs))).toEqual(['0: 1>0 congested']);
  });

  it('waits longer each time that going back turns out to be wrong, and forgets it when it was right', () => {
    const one = scene({ damping: { maxPenalty: 100 }, classes: CLASSES.slice(1) });
    const levels = (there: number): void => {
      one.say('primary', { batch: there });
      one.say('secondary', 0);
    };
    const returnAfter = (): number => {
      levels(1);
      expect(one.run(2000)).toHaveLength(1);
      levels(0);
      const calmMs = one.nowMs;
      const [move] = one.run(600_000);
      return (move?.atMs ?? Number.NaN) - calmMs;
    };
    // `run` goes on for ten minutes after the return, so each of these returns was right.
    for (const _ of [1, 2, 3]) expect(returnAfter()).toBeLessThan(2 * DAMPING.returnAfterMs);
    const waits: number[] = [];
    for (const _ of [1, 2, 3]) {
      levels(1);
      one.run(2000);
      levels(0);
      const calmMs = one.nowMs;
      let move: Move | undefined;
      while (move === undefined) [move] = one.run(100);
      waits.push(move.atMs - calmMs);
    }
    const [first = 0, second = 0, third = 0] = waits;
    expect(second).toBeGreaterThan(4 * first);
    expect(third).toBeGreaterThan(4 * second);
    one.run(400_000);
    expect(returnAfter()).toBeLessThan(2 * DAMPING.returnAfterMs);
  });

  it('brings classes home one after another, and looks what the first has done', () => {
    const rows = ['interactive', 'batch'].map((name, rank) =>
      requestClass(name, rank, { path: 'default', moveOrder: 1 - rank, alternateDscp: [8 * rank + 3] }),
    );
    for (const seed of [1, 2, 3, 4, 5]) {
      const one = scene({ classes: rows, seed });
      one.say('primary', 1);
      one.say('secondary', 0);
      expect(one.run(2000)).toHaveLength(2);
      one.say('primary', 0);
      const [first, second, ...more] = one.run(30_000);
      expect(more).toEqual([]);
      expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(DAMPING.returnAfterMs);
    }
  });

  it('does not come home when what it sends would not fit there', () => {
    const one = scene({ classes: CLASSES.slice(1) });
    const busy = (level: number, utilization: number): Partial<Hint> => ({
      classes: { batch: { level, queueingDelayMs: 0, utilization, lossRatio: 0 } },
    });
    one.say('primary', 0, busy(1, 0.5));
    one.say('secondary', 0, busy(0, 0));
    expect(one.run(100)).toHaveLength(1);
    one.say('primary', 0, { ...busy(0, 0), utilization: 0.6 });
    one.say('secondary', 0, busy(0, 0.5));
    expect(one.run(60_000)).toEqual([]);
    one.say('primary', 0, { ...busy(0, 0), utilization: 0.3 });
    expect(short(one.run(10_000))).toEqual(['0: 1>0 calm']);
  });

  it('does not take a path for calm that others fill without a queue', () => {
    const one = scene({ classes: stays });
    one.say('primary', 1);
    one.say('secondary', 0);
    expect(one.run(100)).toHaveLength(1);
    one.say('primary', 0, { utilization: 0.97 });
    one.say('secondary', 1);
    expect(one.run(60_000)).toEqual([]);
    one.say('primary', 0, { utilization: 0.5 });
    expect(short(one.run(10_000))).toEqual(['0: 1>0 congested']);
  });

  it('comes home when what it sends fits there on the average, though it comes in bursts', () => {
    const one = scene({ classes: CLASSES.slice(1) });
    one.say('primary', 1);
    one.say('secondary', 0);
    one.run(100);
    one.say('primary', 0, { classes: {}, utilization: 0.3 });
    const moves: Move[] = [];
    for (let burst = 0; burst < 60; burst += 1) {
      const utilization = burst % 2 === 0 ? 1 : 0;
      one.say('secondary', 0, {
        classes: { batch: { level: 0, queueingDelayMs: 0, utilization, lossRatio: 0 } },
      });
      moves.push(...one.run(120));
    }
    expect(short(moves)).toEqual(['0: 1>0 calm']);
  });

  it('makes no more moves than the penalty allows, and says when it will look again', () => {
    const one = scene({ classes: stays, damping: { returnAfterMs: 1, minHoldMs: 100 } });
    let moves = 0;
    for (let turn = 0; turn < 600; turn += 1) {
      one.say('primary', turn % 2 === 0 ? 1 : 0);
      one.say('secondary', turn % 2 === 0 ? 0 : 1);
      moves += one.run(500).length;
    }
    // Three at once, then one for each time in which the penalty falls from 3 to 2: 17.5 s.
    expect(moves).toBeGreaterThan(15);
    expect(moves).toBeLessThanOrEqual(3 + 300 / 17.5 + 1);
    expect(one.chooser.dueMs).toBeGreaterThan(one.nowMs);
  });
});

describe('whether another path would help', () => {
  it('is known: congested, and no way out', () => {
    const one = scene();
    const exhausted = () => one.chooser.exhausted(PEER, INTERACTIVE, one.nowMs);
    one.say('primary', { interactive: 0.9 });
    one.say('secondary', 0);
    one.run(10);
    expect(exhausted()).toBe(false);
    one.say('secondary', { interactive: 0.8 });
    one.run(20);
    expect(exhausted()).toBe(true);
    one.say('primary', 0);
    one.run(10);
    expect(exhausted()).toBe(false);
    expect(one.chooser.exhausted('10.9.9.9', INTERACTIVE, one.nowMs)).toBe(false);
  });
});

describe('peers', () => {
  const third = requestClass('third', 2, { path: 'default', moveOrder: 0, alternateDscp: [7, 11] });

  it('that have the same paths move together, and one that joins them takes their path', () => {
    const one = scene();
    const peers = new Map([
      [PEER, TWO_PATHS],
      ['10.0.0.3', TWO_PATHS.map(({ id, links }) => path(id, [...links]))],
    ]);
    one.chooser.setPeers(peers, one.nowMs);
    one.say('primary', 0.9);
    one.say('secondary', 0);
    const moves = one.run(100);
    expect(moves.map(({ peer }) => peer)).toEqual([PEER, '10.0.0.3']);
    const joined = one.chooser.setPeers(new Map([...peers, ['10.0.0.4', TWO_PATHS]]), one.nowMs);
    expect(joined).toMatchObject([{ peer: '10.0.0.4', classIndex: BATCH, from: 0, to: 1 }]);
  });

  it('never take a path that a class has no mark for', () => {
    const paths = [...TWO_PATHS, path('tertiary')];
    const one = scene({ paths, classes: [...CLASSES, third] });
    for (const id of ['primary', 'secondary']) one.say(id, { interactive: 1, batch: 1, third: 1 });
    one.say('tertiary', 0);
    expect(short(one.run(5000))).toEqual(['2: 0>2 congested']);
  });

  it('keep their path by its name when the list of paths changes, and lose it when it is gone', () => {
    const one = scene({ classes: [third] });
    one.say('primary', { third: 1 });
    one.say('secondary', 0);
    one.run(100);
    const [primary, secondary] = TWO_PATHS as [NetworkPath, NetworkPath];
    const moved = one.chooser.setPeers(new Map([[PEER, [primary, path('tertiary'), secondary]]]), one.nowMs);
    expect(short(moved)).toEqual(['0: 1>2 congested']);
    const gone = one.chooser.setPeers(new Map([[PEER, [primary, path('tertiary')]]]), one.nowMs);
    expect(short(gone)).toEqual(['0: 2>0 dead']);
  });
});
