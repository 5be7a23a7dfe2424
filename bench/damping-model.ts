import { seededRandom } from '../src/core/index.ts';
import { DAMPING } from '../test/unit/reactions/fixtures.ts';
import { type Load, type ModelOptions, simulate } from '../test/unit/reactions/two-path-model.ts';

/**
 * The table of `docs/guides/path-damping.md`: sidecars, two paths of one rate and the hints about them, in a model whose loop is closed. It
 * depends on nothing of the machine it runs on.
 */
const MINUTES = 10;
const SEEDS = [1, 2, 3];

const evenly = (count: number, total: number): Load[] =>
  Array.from({ length: count }, () => ({ share: total / count }));
const greedy = (count: number): Load[] => Array.from({ length: count }, () => ({ share: 2, elastic: true }));

/** Traffic that follows most of the load, half a second late: whichever path is chosen is congested. */
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

interface Case {
  readonly name: string;
  readonly sidecars: readonly Load[];
  readonly cross: () => ModelOptions['cross'];
  readonly tellsTotal?: boolean;
}

const none = (): ModelOptions['cross'] => () => 0;
const onPrimary =
  (share: number): Case['cross'] =>
  () =>
  (path) =>
    path === 0 ? share : 0;

const CASES: readonly Case[] = [
  { name: 'others overfill the primary path', sidecars: evenly(4, 0.4), cross: onPrimary(1.1) },
  { name: 'others take 97.5 % of the primary path', sidecars: evenly(4, 0.4), cross: onPrimary(0.975) },
  {
    name: 'the same, and hints do not tell it',
    sidecars: evenly(4, 0.4),
    cross: onPrimary(0.975),
    tellsTotal: false,
  },
  { name: 'own load 140 % of a path', sidecars: evenly(10, 1.4), cross: none },
  { name: 'own load 140 %, 30 sidecars', sidecars: evenly(30, 1.4), cross: none },
  { name: 'own load 240 %', sidecars: evenly(10, 2.4), cross: none },
  { name: 'one elastic sender', sidecars: greedy(1), cross: none },
  { name: 'ten elastic senders', sidecars: greedy(10), cross: none },
  { name: 'the load of others follows', sidecars: evenly(4, 0.4), cross: chaser },
  {
    name: 'the load of others follows one sidecar, unseen',
    sidecars: evenly(1, 0.4),
    cross: chaser,
    tellsTotal: false,
  },
  {
    name: 'others on the primary path, 20 s on, 20 s off',
    sidecars: evenly(4, 0.4),
    cross: () => (path, nowMs) => (path === 0 && nowMs % 40_000 < 20_000 ? 1.1 : 0),
  },
  {
    name: 'others on the primary path, 2 s on, 6 s off',
    sidecars: evenly(4, 0.4),
    cross: () => (path, nowMs) => (path === 0 && nowMs % 8000 < 2000 ? 1.1 : 0),
  },
];

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

for (const { name, sidecars, cross, tellsTotal = true } of CASES) {
  for (const goes of ['default', 'least-congested'] as const) {
    const runs = SEEDS.map((seed) =>
      simulate({
        random: seededRandom(seed),
        damping: DAMPING,
        sidecars,
        goes,
        cross: cross(),
        tellsTotal,
        durationMs: MINUTES * 60_000,
      }),
    );
    const half = (MINUTES * 60_000) / 2;
    const cells = [
      mean(runs.map(({ moves }) => moves.length / sidecars.length)).toFixed(1),
      Math.max(...runs.map(({ mostMoves }) => mostMoves)),
      mean(runs.map(({ moves }) => moves.filter(({ atMs }) => atMs > half).length / sidecars.length)).toFixed(
        1,
      ),
      mean(runs.map(({ hurtShare }) => 100 * hurtShare)).toFixed(1),
      runs.map(({ loads }) => loads.map((load) => load.toFixed(1)).join('+')).join(' '),
    ];
    console.log(`| ${[name, goes, ...cells].join(' | ')} |`);
  }
}
