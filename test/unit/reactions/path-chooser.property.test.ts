import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Move, type NetworkPath, seededRandom } from '../../../src/core/index.ts';
import { HintTable, PathChooser } from '../../../src/reactions/index.ts';
import { BATCH, CLASSES, DAMPING, INTERACTIVE, path, requestClass } from './fixtures.ts';
import { type Event, LINKS, lying, turmoil, upheaval } from './hint-sequences.ts';

const PEER = '10.0.0.2';
const THREE_PATHS = ['primary', 'secondary', 'tertiary'].map((id) => path(id));
/** Each class has marks for all three paths. */
const ROWS = CLASSES.map(({ name, network }, rank) =>
  requestClass(name, rank, { ...network, alternateDscp: [8 * rank + 3, 8 * rank + 7] }),
);
/** More of them by hand: PRIOMESH_DAMPING_ROUNDS=20. */
const ROUNDS = Number(process.env['PRIOMESH_DAMPING_ROUNDS'] ?? 1);
const STEP_MS = 20;
/** Longer waits are played in coarser steps. */
const LONG_MS = 2000;

interface Seen extends Move {
  /** The move was made since the list of paths changed. */
  readonly forced: boolean;
  /** The path it went to was known to be dead. */
  readonly toDead: boolean;
}

/** Plays events to a chooser that decides every 20 ms and whenever something came, as a sidecar does. */
function play(events: readonly Event[], seed: number) {
  const hints = new HintTable({ classes: ROWS.map(({ name }) => name), capacity: 16 });
  const chooser = new PathChooser({
    classes: ROWS,
    classIndices: [INTERACTIVE, BATCH],
    damping: DAMPING,
    hints,
    random: seededRandom(seed),
  });
  let nowMs = 50_000;
  let paths: readonly NetworkPath[] = THREE_PATHS;
  let sequence = 1_000_000;
  const seen: Seen[] = [];
  const note = (moves: readonly Move[], forced: boolean): void => {
    for (const move of moves) {
      const toDead = paths[move.to]?.links.some((link) => hints.dead(link, nowMs)) ?? false;
      seen.push({ ...move, forced, toDead });
    }
  };
  const wait = (ms: number, each = (): void => {}): void => {
    const stepMs = ms > LONG_MS ? 5 * STEP_MS : STEP_MS;
    for (const endMs = nowMs + ms; nowMs < endMs; ) {
      nowMs = Math.min(endMs, nowMs + stepMs);
      each();
      note(chooser.decide(nowMs), false);
    }
  };
  note(chooser.setPeers(new Map([[PEER, paths]]), nowMs), true);
  for (const event of events) {
    if (event.kind === 'wait') wait(event.ms);
    if (event.kind === 'lost') hints.clear();
    if (event.kind === 'hint') {
      hints.accept(event.hint, nowMs);
      note(chooser.decide(nowMs), false);
    }
    if (event.kind === 'paths') {
      paths = event.paths;
      note(chooser.setPeers(new Map([[PEER, paths]]), nowMs), true);
      note(chooser.decide(nowMs), false);
    }
  }
  return {
    hints,
    chooser,
    seen,
    pathOf: (classIndex: number) => chooser.pathOf(PEER, classIndex),
    /** Nothing is said for a while. */
    silence: (ms: number) => wait(ms),
    /** All links are calm for a while, and said to be by a source that was started anew. */
    calm: (ms: number) =>
      wait(ms, () => {
        sequence += 1;
        for (const link of LINKS) {
          hints.accept({ link, epoch: 1e12, sequence, ttlMs: 1000, down: false, classes: {} }, nowMs);
        }
      }),
  };
}

/** The penalty after each move by the book: RFC 2439's figure of merit, reckoned anew from the list of moves. */
function penalties(moves: readonly Seen[]): { readonly move: Seen; readonly penalty: number }[] {
  let penalty = 0;
  let lastMs = 0;
  return moves.map((move) => {
    const decayed = penalty * 2 ** (-(move.atMs - lastMs) / DAMPING.penaltyHalfLifeMs);
    penalty = Math.min(decayed + 1, DAMPING.maxPenalty + 1);
    lastMs = move.atMs;
    return { move, penalty };
  });
}

/** What is left when a penalty is forgotten, and the remainder of what was forgotten before. */
const FORGOTTEN = 0.25;

function checkDamping(seen: readonly Seen[]): void {
  for (const classIndex of [INTERACTIVE, BATCH]) {
    const moves = seen.filter((move) => move.classIndex === classIndex);
    for (const [index, move] of moves.entries()) {
      expect(move.to).not.toBe(move.from);
      if (!move.forced) expect(move.toDead).toBe(false);
      const last = moves[index - 1];
      if (last !== undefined) expect(move.from).toBe(last.to);
      if (last !== undefined && !move.forced && move.reason !== 'dead') {
        expect(move.atMs - last.atMs).toBeGreaterThanOrEqual(DAMPING.minHoldMs);
      }
    }
    for (const { move, penalty } of penalties(moves)) {
      if (move.forced || move.reason === 'dead' || move.reason === 'no-hints') continue;
      expect(penalty).toBeLessThanOrEqual(DAMPING.maxPenalty + FORGOTTEN);
    }
    const flights = moves.filter(({ reason, forced }) => reason === 'dead' && !forced);
    for (const [index, flight] of flights.entries()) {
      const before = flights[index - 2];
      if (before !== undefined) {
        expect(flight.atMs - before.atMs).toBeGreaterThanOrEqual(DAMPING.minHoldMs);
      }
    }
  }
}

/** Long enough for the longest wait after failed returns, and for the penalty. */
const SETTLING_MS = DAMPING.returnAfterMs * 64 * 1.5 + 4 * DAMPING.penaltyHalfLifeMs;
const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('whatever the network says', { timeout: 60_000 * ROUNDS }, () => {
  it.each([
    ['lies and chaos', lying, 600 * ROUNDS],
    ['levels that jump about', turmoil, 300 * ROUNDS],
  ])(
    'no class goes to a dead path, moves before its hold time is over, or oftener than its penalty allows: %s',
    (_, events, numRuns) => {
      let moved = 0;
      fc.assert(
        fc.property(events, seeds, (sequence, seed) => {
          const { seen } = play(sequence, seed);
          moved += seen.length;
          checkDamping(seen);
        }),
        { numRuns },
      );
      expect(moved).toBeGreaterThan(3 * numRuns);
    },
  );

  it('lists of paths that come and go do not set the damping back', () => {
    let moved = 0;
    fc.assert(
      fc.property(upheaval, seeds, (sequence, seed) => {
        const { seen } = play(sequence, seed);
        const freely = seen.filter(({ forced, reason }) => !forced && reason !== 'dead');
        moved += freely.length;
        for (const move of freely) expect(move.toDead).toBe(false);
        for (const classIndex of [INTERACTIVE, BATCH]) {
          const own = freely.filter((move) => move.classIndex === classIndex && move.reason !== 'no-hints');
          for (const { penalty } of penalties(own)) {
            expect(penalty).toBeLessThanOrEqual(DAMPING.maxPenalty + FORGOTTEN);
          }
        }
      }),
      { numRuns: 600 * ROUNDS },
    );
    expect(moved).toBeGreaterThan(600);
  });

  it('a class whose path is `default` is home after a long calm, and nothing moves that stays', () => {
    fc.assert(
      fc.property(fc.oneof(lying, turmoil), seeds, (sequence, seed) => {
        const one = play(sequence, seed);
        one.calm(SETTLING_MS / 2);
        const stays = one.pathOf(INTERACTIVE);
        const before = one.seen.length;
        one.calm(SETTLING_MS / 2);
        expect(one.pathOf(BATCH)).toBe(0);
        expect(one.pathOf(INTERACTIVE)).toBe(stays);
        expect(one.seen.length - before).toBeLessThanOrEqual(1);
      }),
      { numRuns: 40 * ROUNDS },
    );
  });

  it('all are home after a long silence, unless home was dead when it was last heard of', () => {
    fc.assert(
      fc.property(lying, seeds, (sequence, seed) => {
        const one = play(sequence, seed);
        one.calm(DAMPING.minHoldMs);
        one.hints.clear();
        one.silence(DAMPING.returnAfterMs + DAMPING.minHoldMs);
        expect([one.pathOf(INTERACTIVE), one.pathOf(BATCH)]).toEqual([0, 0]);
        const before = one.seen.length;
        one.silence(60_000);
        expect(one.seen.length).toBe(before);
      }),
      { numRuns: 200 * ROUNDS },
    );
  });

  it('the same seed and the same hints give the same moves', () => {
    fc.assert(
      fc.property(upheaval, seeds, (sequence, seed) => {
        expect(play(sequence, seed).seen).toEqual(play(sequence, seed).seen);
      }),
      { numRuns: 100 },
    );
  });
});
