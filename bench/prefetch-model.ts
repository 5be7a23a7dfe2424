import { type Random, seededRandom } from '../src/core/index.ts';
import { simulate } from '../test/unit/sidecar/amqp/prefetch/simulation.ts';

/**
 * The table of `docs/guides/broker-prefetch.md`: the seeded model of broker, sidecar and client, governed and with fixed prefetches. It
 * depends on nothing of the machine it runs on.
 */
const BATCH_MS = 20;
const INTERACTIVE_LOAD = 0.3;
const SEEDS = [1, 2, 3, 4, 5];
const UNLIMITED = 1000;
const PREFETCHES = [1, 10, 50, UNLIMITED, 'governed'] as const;
/** A wait beyond this grows with the length of the run. */
const GROWING_MS = 2000;

interface Case {
  readonly name: string;
  readonly interactiveMs: number;
  readonly draw: (meanMs: number, random: Random) => number;
}

const CASES: readonly Case[] = [
  {
    name: 'uniform ±50 %, batch takes 5 times as long',
    interactiveMs: 4,
    draw: (meanMs, random) => meanMs * (0.5 + random.next()),
  },
  {
    name: 'exponential, both take as long',
    interactiveMs: 20,
    draw: (meanMs, random) => random.exponential(meanMs),
  },
];

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const wait = (ms: number): string => (ms > GROWING_MS ? '> 2000' : ms.toFixed(0));

for (const { name, interactiveMs, draw } of CASES) {
  for (const workers of [1, 4, 16]) {
    for (const roundTripMs of [0.5, 5]) {
      const rows = PREFETCHES.map((prefetch) => {
        const runs = SEEDS.map((seed) =>
          simulate({
            random: seededRandom(seed),
            serviceMs: (classIndex, _nowMs, random) =>
              draw(classIndex === 0 ? interactiveMs : BATCH_MS, random),
            workers: () => workers,
            roundTripMs,
            loopbackMs: 0.1,
            interactiveRps: () => (INTERACTIVE_LOAD * workers * 1000) / interactiveMs,
            batch: () => true,
            prefetch,
            durationMs: 40_000,
            warmUpMs: 10_000,
          }),
        );
        return {
          prefetch,
          work: mean(runs.map((run) => run.utilization)),
          waitMs: mean(runs.map((run) => run.interactiveWaitMs)),
          window: mean(runs.map((run) => run.meanWindow)),
        };
      });
      const most = rows.find(({ prefetch }) => prefetch === UNLIMITED)?.work ?? 1;
      const shares = rows
        .filter(({ prefetch }) => prefetch !== UNLIMITED)
        .map(({ work }) => (work / most).toFixed(2));
      const waits = rows.map(({ waitMs }) => wait(waitMs));
      const window = rows.at(-1)?.window.toFixed(1);
      console.log(`| ${[name, workers, roundTripMs, ...shares, ...waits, window].join(' | ')} |`);
    }
  }
}
