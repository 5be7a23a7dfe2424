import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/index.ts';
import { DAMPING } from './fixtures.ts';
import { type Load, type ModelOptions, simulate } from './two-path-model.ts';

const MINUTE_MS = 60_000;
const SEEDS = [1, 2];
const evenly = (count: number, total: number): Load[] =>
  Array.from({ length: count }, () => ({ share: total / count }));

type Scene = Pick<ModelOptions, 'sidecars'> & Partial<ModelOptions>;

/** Ten minutes of it for some seeds and both wishes; what is true must be true of each. */
function each(scene: Scene, check: (result: ReturnType<typeof simulate>) => void): void {
  for (const goes of ['default', 'least-congested'] as const) {
    for (const seed of SEEDS) {
      check(
        simulate({
          random: seededRandom(seed),
          damping: DAMPING,
          goes,
          cross: () => 0,
          tellsTotal: true,
          durationMs: 10 * MINUTE_MS,
          ...scene,
        }),
      );
    }
  }
}

/** Traffic that follows most of the load, half a second late. */
function chaser(): ModelOptions['cross'] {
  let at = 0;
  let sinceMs = 0;
  return (path, nowMs, loads) => {
    const most = (loads[1] ?? 0) > (loads[0] ?? 0) ? 1 : 0;
    if (most === at) sinceMs = nowMs;
    else if (nowMs - sinceMs > 500) at = most;
    return path === at ? 1.1 : 0;
  };
}

describe('sidecars on two equal paths, with the loop closed', () => {
  it.each([1.1, 0.975])('move once and stay while others take %d of the primary path', (share) => {
    each({ sidecars: evenly(4, 0.4), cross: (path) => (path === 0 ? share : 0) }, ({ moves, hurtShare }) => {
      expect(moves.map(({ sidecar }) => sidecar).toSorted()).toEqual([0, 1, 2, 3]);
      expect(Math.max(...moves.map(({ atMs }) => atMs))).toBeLessThan(1000);
      expect(hurtShare).toBeLessThan(0.01);
    });
  });

  it('come home one after another when the others have gone', () => {
    const cross: ModelOptions['cross'] = (path, nowMs) => (path === 0 && nowMs < MINUTE_MS ? 0.975 : 0);
    each({ sidecars: evenly(8, 0.4), cross }, ({ moves }) => {
      const home = moves.filter(({ to }) => to === 0);
      expect(home.length === 0 || home.length === 8).toBe(true);
      if (home.length === 0) return;
      const times = home.map(({ atMs }) => atMs);
      expect(new Set(times).size).toBeGreaterThan(5);
      expect(Math.max(...times) - MINUTE_MS).toBeLessThan(2 * DAMPING.returnAfterMs);
    });
  });

  it('try ever more seldom to come home while the hints hide what is there', () => {
    const cross: ModelOptions['cross'] = (path) => (path === 0 ? 0.975 : 0);
    each({ sidecars: evenly(4, 0.4), cross, tellsTotal: false }, ({ moves, mostMoves, hurtShare }) => {
      expect(mostMoves).toBeLessThanOrEqual(7);
      expect(moves.filter(({ atMs }) => atMs > 5 * MINUTE_MS).length).toBeLessThanOrEqual(4);
      expect(hurtShare).toBeLessThan(0.02);
    });
  });

  it.each([2, 10])('share the paths when %d of them together fill one, and then stay', (count) => {
    each({ sidecars: evenly(count, 1.4) }, ({ moves, mostMoves, loads, hurtShare }) => {
      expect(mostMoves).toBeLessThanOrEqual(3);
      expect(moves.filter(({ atMs }) => atMs > MINUTE_MS)).toEqual([]);
      expect(Math.max(...loads)).toBeLessThanOrEqual(1);
      expect(hurtShare).toBeLessThan(0.03);
    });
  });

  it('stay where nothing can be won: both paths too small', () => {
    each({ sidecars: evenly(6, 2.4) }, ({ moves, mostMoves }) => {
      expect(mostMoves).toBeLessThanOrEqual(3);
      expect(moves.filter(({ atMs }) => atMs > MINUTE_MS)).toEqual([]);
    });
  });

  it.each([1, 8])('that fill whatever they find (%d of them) do not swing', (count) => {
    const sidecars = Array.from({ length: count }, () => ({ share: 2, elastic: true }));
    each({ sidecars }, ({ moves, mostMoves }) => {
      expect(moves.length).toBeGreaterThan(0);
      expect(mostMoves).toBeLessThanOrEqual(4);
      expect(moves.filter(({ atMs }) => atMs > 5 * MINUTE_MS).length).toBeLessThanOrEqual(count);
    });
  });

  it.each([1, 4])('followed by what congests them (%d of them) move ever more seldom', (count) => {
    for (const tellsTotal of [true, false]) {
      for (const seed of SEEDS) {
        const { mostMoves, moves } = simulate({
          random: seededRandom(seed),
          damping: DAMPING,
          sidecars: evenly(count, 0.4),
          goes: 'least-congested',
          cross: chaser(),
          tellsTotal,
          durationMs: 10 * MINUTE_MS,
        });
        expect(mostMoves).toBeGreaterThan(1);
        expect(mostMoves).toBeLessThanOrEqual(7);
        expect(moves.filter(({ atMs }) => atMs > 5 * MINUTE_MS).length).toBeLessThanOrEqual(count);
      }
    }
  });
});
