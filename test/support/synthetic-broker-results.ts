import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Random, seededRandom } from '../../src/core/index.ts';

/** How an arm behaves in the made-up broker: the interactive wait, jobs done a second, and what of the backlog is with the consumer. */
interface Behaviour {
  readonly prefetch: number | 'governed' | 'unlimited' | undefined;
  readonly waitMs: (backlog: number) => number;
  readonly jobsRps: number;
  readonly ahead: number;
}

const OFFERED_RPS = { interactive: 10, batch: 110 } as const;
const BEHAVIOUR: Readonly<Record<string, Behaviour>> = {
  fifo: { prefetch: undefined, waitMs: (backlog) => 10 + backlog * 10, jobsRps: 95, ahead: 1e6 },
  'prefetch-1': { prefetch: 1, waitMs: () => 24, jobsRps: 26, ahead: 1 },
  'prefetch-10': { prefetch: 10, waitMs: () => 75, jobsRps: 95, ahead: 10 },
  'prefetch-50': { prefetch: 50, waitMs: () => 470, jobsRps: 95, ahead: 50 },
  unlimited: { prefetch: 'unlimited', waitMs: (backlog) => 10 + backlog * 10, jobsRps: 95, ahead: 1e6 },
  governed: { prefetch: 'governed', waitMs: () => 28, jobsRps: 94, ahead: 6 },
};
const WARMUP_MS = 1000;
const DRAIN_MS = 500;
const SAMPLE_MS = 250;

/** What can be changed about a made-up results folder with a broker. */
export interface SyntheticBrokerOptions {
  readonly trials?: number;
  readonly measureMs?: number;
}

/** Writes a results folder of an experiment with a message broker, as a run leaves it before it is published: the same options give the same bytes. */
export async function writeSyntheticBrokerResults(
  root: string,
  options: SyntheticBrokerOptions = {},
): Promise<void> {
  const { trials = 4, measureMs = 8000 } = options;
  const arms = [...Object.keys(BEHAVIOUR), 'governed-control'];
  await mkdir(root, { recursive: true });
  await writeFile(
    path.join(root, 'manifest.json'),
    JSON.stringify(manifest(trials, measureMs, arms), null, 2),
  );
  const random = seededRandom(11);
  for (let block = 0; block < trials; block += 1) {
    for (const [position, arm] of arms.entries()) {
      const stem = `${String(block * arms.length + position).padStart(3, '0')}-${arm}-${block}`;
      await writeTrial(path.join(root, 'trials', stem), arm, random.child(stem), measureMs);
    }
  }
}

function manifest(trials: number, measureMs: number, arms: readonly string[]): object {
  const form = { trials, warmupMs: WARMUP_MS, measureMs, drainMs: DRAIN_MS };
  const layersOf = (arm: string) => (arm === 'fifo' ? [] : ['broker']);
  const difference = { metric: 'queueWaitMs.mean', class: 'interactive', kind: 'difference' };
  return {
    schema: 'priomesh/manifest/v1',
    experiment: {
      name: 'broker',
      title: 'Priorities that survive a message broker',
      claim: 'A governed prefetch keeps priorities and throughput.',
      topology: { name: 'dumbbell', rateBps: 50_000_000, delayMs: 2.5, queuePackets: 200, placement: {} },
      broker: { sampleMs: SAMPLE_MS },
      baselineCongestionControl: 'cubic',
      workloads: (['interactive', 'batch'] as const).map((name) => ({
        name,
        class: name,
        path: `/${name}/1`,
        arrivals: 'poisson',
        rateRps: OFFERED_RPS[name],
        timeoutMs: name === 'batch' ? 60_000 : 10_000,
      })),
      arms: Object.fromEntries(
        Object.entries(BEHAVIOUR).map(([arm, { prefetch }]) => [
          arm,
          {
            sidecars: true,
            layers: layersOf(arm),
            description: arm === 'fifo' ? 'no classes' : `priorities with prefetch ${prefetch}`,
            ...(typeof prefetch === 'number' || prefetch === 'unlimited' ? { broker: { prefetch } } : {}),
          },
        ]),
      ),
      comparisons: [
        {
          ...difference,
          of: 'governed',
          to: 'prefetch-1',
          atMost: 40,
          claim: 'At most one service time longer.',
        },
        {
          metric: 'throughputRps',
          class: 'batch',
          kind: 'ratio',
          of: 'governed',
          to: 'prefetch-50',
          atLeast: 0.95,
          claim: 'At least 95 % of the jobs.',
        },
        { ...difference, of: 'prefetch-50', to: 'governed', atLeast: 300, claim: 'A prefetch of 50 costs.' },
      ],
      control: { of: 'governed' },
      seed: 11,
      audit: { maxVoidRatio: 0.25 },
    },
    policy: {
      name: 'broker',
      classes: [
        { name: 'interactive', rank: 0, slo: { latencyMs: 250 }, broker: { priority: 2 } },
        { name: 'batch', rank: 5, slo: {}, broker: { priority: 1 } },
      ],
      broker: { maxPriority: 2, prefetch: 'governed', maxPrefetch: 64, starvationMs: 5000 },
    },
    formName: 'quick',
    form,
    lab: 'mininet',
    labLimitations: [],
    schedule: Array.from({ length: trials }, (_, block) => arms.map((arm) => ({ arm, block }))).flat(),
    plans: {},
    commit: '0123456789abcdef0123456789abcdef01234567',
    dirty: false,
    startedAt: '2026-05-01T10:00:00.000Z',
  };
}

async function writeTrial(folder: string, arm: string, random: Random, measureMs: number): Promise<void> {
  const behaviour = BEHAVIOUR[arm.replace('-control', '')] ?? BEHAVIOUR['governed'];
  if (behaviour === undefined) throw new Error(`no behaviour for ${arm}`);
  await mkdir(folder, { recursive: true });
  const endMs = WARMUP_MS + measureMs;
  const jobsRps = behaviour.jobsRps * (0.98 + 0.04 * random.next());
  const backlogAt = (timeMs: number) => Math.max(0, ((OFFERED_RPS.batch - jobsRps) * timeMs) / 1000);
  const rows = [
    'id,class,workload,phase,intended_ms,sent_ms,first_byte_ms,end_ms,status,bytes,error,late,queue_wait_ms',
  ];
  let id = 0;
  for (const name of ['interactive', 'batch'] as const) {
    const stream = random.child(name);
    for (let at = stream.exponential(1000 / OFFERED_RPS[name]); at < endMs; ) {
      const expected =
        name === 'batch' ? 10 + (backlogAt(at) * 1000) / jobsRps : behaviour.waitMs(backlogAt(at));
      const wait = expected * (0.7 + 0.6 * stream.next());
      const end = at + wait + (name === 'batch' ? 40 : 20);
      const phase = at < WARMUP_MS ? 'warmup' : 'measure';
      const start = `${id},${name},${name},${phase},${at.toFixed(3)},${at.toFixed(3)}`;
      rows.push(
        end > endMs + DRAIN_MS
          ? `${start},,,0,0,unfinished,0,`
          : `${start},${end.toFixed(3)},${end.toFixed(3)},200,500,,0,${wait.toFixed(3)}`,
      );
      id += 1;
      at += stream.exponential(1000 / OFFERED_RPS[name]);
    }
  }
  await writeFile(path.join(folder, 'requests.csv.gz'), gzipSync(`${rows.join('\n')}\n`));
  const bins = Array.from({ length: Math.ceil(endMs / 100) }, (_, bin) => [
    `${bin * 100},interactive,500`,
    `${bin * 100},batch,4500`,
  ]);
  await writeFile(
    path.join(folder, 'throughput.csv'),
    `${['t_ms,class,bytes', ...bins.flat()].join('\n')}\n`,
  );
  const lines: string[] = [];
  for (let at = 0; at < endMs; at += SAMPLE_MS) {
    const backlog = Math.round(backlogAt(at) + 4 + 2 * random.next());
    const unacked = Math.min(backlog, behaviour.ahead);
    const waiting = backlog - unacked;
    const interactive = waiting > 0 && random.next() < 0.3 ? 1 : 0;
    const ready = arm === 'fifo' ? { '0': waiting } : { '0': 0, '1': waiting, '2': interactive };
    lines.push(JSON.stringify({ t_ms: at, source: 'broker', name: 'jobs', ready, unacked }));
    lines.push(
      JSON.stringify({ t_ms: at, source: 'broker', name: 'jobs.dead', ready: { '0': 0 }, unacked: 0 }),
    );
  }
  await writeFile(path.join(folder, 'counters.jsonl'), `${lines.join('\n')}\n`);
  await writeFile(
    path.join(folder, 'audit.json'),
    JSON.stringify({ verdict: { valid: true, reasons: [] }, seen: {}, generator: {} }),
  );
}
