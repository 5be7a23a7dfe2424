import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Random, seededRandom } from '../../src/core/index.ts';

/** How an arm behaves in the made-up network: medians and spreads of latency by class, share of failures. */
interface Behaviour {
  readonly interactiveMs: number;
  readonly batchMs: number;
  readonly spread: number;
  readonly failures: number;
}

const BEHAVIOUR: Readonly<Record<string, Behaviour>> = {
  direct: { interactiveMs: 210, batchMs: 2400, spread: 0.5, failures: 0.004 },
  mesh: { interactiveMs: 220, batchMs: 2450, spread: 0.5, failures: 0.006 },
  queue: { interactiveMs: 221, batchMs: 2440, spread: 0.5, failures: 0.005 },
  transport: { interactiveMs: 120, batchMs: 2600, spread: 0.45, failures: 0.002 },
  kernel: { interactiveMs: 38, batchMs: 2550, spread: 0.25, failures: 0 },
  all: { interactiveMs: 34, batchMs: 2600, spread: 0.2, failures: 0 },
  'interactive-only': { interactiveMs: 31, batchMs: 0, spread: 0.18, failures: 0 },
};

/** What can be changed about a made-up results folder. */
export interface SyntheticOptions {
  readonly seed?: number;
  readonly trials?: number;
  readonly measureMs?: number;
  readonly lab?: 'mininet' | 'local';
  /** Adds one void attempt, repeated. */
  readonly voidTrial?: boolean;
  /** Runs the A/A control. */
  readonly control?: boolean;
  /** Says in the plans that the scavenger is missing. */
  readonly limited?: boolean;
  readonly arms?: readonly string[];
}

const WARMUP_MS = 1000;
const DRAIN_MS = 2000;
const RATE_RPS = { pages: 30, exports: 2 } as const;
const BATCH_BYTES = 800_000;
const INTERACTIVE_BYTES = 4000;

/**
 * Writes a results folder as a run leaves it before it is published, with made-up but plausible records: the same options
 * give the same bytes.
 */
export async function writeSyntheticResults(root: string, options: SyntheticOptions = {}): Promise<void> {
  const { seed = 7, trials = 3, measureMs = 12_000, control = false } = options;
  const armNames = options.arms ?? Object.keys(BEHAVIOUR);
  const random = seededRandom(seed);
  await mkdir(root, { recursive: true });
  await writeFile(path.join(root, 'manifest.json'), JSON.stringify(manifest(options, armNames), null, 2));
  const run = control ? [...armNames, 'mesh-control'] : armNames;
  let index = 0;
  for (let block = 0; block < trials; block += 1) {
    const arrivals = random.child(`arrivals-${block}`);
    for (const arm of random.child(`order-${block}`).shuffle(run)) {
      const stem = `${String(index).padStart(3, '0')}-${arm}-${block}`;
      index += 1;
      const spoilt = options.voidTrial === true && index === 2;
      if (spoilt) await writeTrial(root, stem, arm, random.child(`${stem}-void`), arrivals, measureMs, false);
      await writeTrial(
        root,
        spoilt ? `${stem}-again1` : stem,
        arm,
        random.child(`${arm}-${block}`),
        arrivals,
        measureMs,
        true,
      );
    }
  }
}

function manifest(options: SyntheticOptions, armNames: readonly string[]): object {
  const { trials = 3, measureMs = 12_000, seed = 7, lab = 'mininet', control = false } = options;
  const layers: Readonly<Record<string, readonly string[]>> = {
    queue: ['queue'],
    transport: ['transport'],
    kernel: ['mark', 'kernel'],
    all: ['queue', 'transport', 'mark', 'kernel'],
  };
  const descriptions: Readonly<Record<string, string>> = {
    direct: 'no sidecars',
    mesh: 'sidecars, no priorities',
    queue: 'priority request queues alone',
    transport: 'congestion control by class alone',
    kernel: 'marks and a class tree at the bottleneck alone',
    all: 'every layer together',
    'interactive-only': 'no batch load: the best that could be',
  };
  const form = { trials, warmupMs: WARMUP_MS, measureMs, drainMs: DRAIN_MS };
  const limitation = {
    what: 'no scavenger for batch',
    why: 'SO_MAX_PACING_RATE has no effect here',
    instead: 'batch runs on cubic',
  };
  const plans = Object.fromEntries(
    armNames.map((arm) => [
      arm,
      (layers[arm] ?? []).map((layer) => ({
        layer,
        summary: `what ${layer} would do`,
        steps: [],
        limitations: options.limited === true && layer === 'transport' ? [limitation] : [],
        served: true,
      })),
    ]),
  );
  return {
    schema: 'priomesh/manifest/v1',
    experiment: {
      schema: 'priomesh/experiment/v1',
      name: 'case-study',
      title: 'Cross-layer priorities in a service mesh',
      claim:
        'One priority that every layer obeys makes interactive requests several times faster and costs batch next to nothing.',
      topology: { name: 'dumbbell', rateBps: 20_000_000, delayMs: 5, queuePackets: 200, placement: {} },
      baselineCongestionControl: 'cubic',
      workloads: [
        {
          name: 'pages',
          class: 'interactive',
          path: '/page/1',
          arrivals: 'poisson',
          rateRps: RATE_RPS.pages,
          timeoutMs: 3000,
        },
        {
          name: 'exports',
          class: 'batch',
          path: '/export/1',
          arrivals: 'poisson',
          rateRps: RATE_RPS.exports,
          timeoutMs: 20_000,
        },
      ],
      arms: Object.fromEntries(
        armNames.map((arm) => [
          arm,
          {
            sidecars: arm !== 'direct',
            layers: layers[arm] ?? [],
            ...(arm === 'interactive-only' ? { workloads: ['pages'] } : {}),
            description: descriptions[arm] ?? arm,
          },
        ]),
      ),
      comparisons: [
        {
          metric: 'latencyMs.p99',
          class: 'interactive',
          of: 'mesh',
          to: 'all',
          atLeast: 3,
          claim: 'All layers together make interactive p99 at least three times lower.',
        },
        {
          metric: 'latencyMs.p50',
          class: 'interactive',
          of: 'mesh',
          to: 'all',
          atLeast: 1.5,
          claim: 'And the median at least 1.5 times lower.',
        },
        {
          metric: 'goodputBps',
          class: 'batch',
          of: 'all',
          to: 'mesh',
          atLeast: 0.9,
          claim: 'Batch keeps at least 90 % of its goodput.',
        },
        {
          metric: 'latencyMs.p99',
          class: 'interactive',
          of: 'all',
          to: 'interactive-only',
          atMost: 1.5,
          claim: 'Interactive p99 is within 1.5 times of what it is without any batch load.',
        },
      ].filter(({ of, to }) => armNames.includes(of) && armNames.includes(to)),
      ...(control ? { control: { of: 'mesh' } } : {}),
      forms: { quick: form, full: { ...form, trials: 12 } },
      seed,
      audit: { maxLateSendRatio: 0.01, maxVoidRatio: 0.25, maxRetries: 2 },
    },
    policy: {
      schema: 'priomesh/policy/v1',
      name: 'case-study',
      classes: [
        { name: 'interactive', rank: 0, slo: { latencyMs: 50, latencyQuantile: 0.99 } },
        { name: 'batch', rank: 5, slo: { latencyQuantile: 0.99, goodputBps: 2_000_000 } },
      ],
    },
    formName: 'quick',
    form,
    lab,
    labLimitations: [],
    schedule: Array.from({ length: trials }, (_, block) =>
      [...armNames, ...(control ? ['mesh-control'] : [])].map((arm) => ({ arm, block })),
    ).flat(),
    plans,
    platform: { congestionControls: ['reno', 'cubic', 'bbr'] },
    versions: { node: 'v26.10.0', openvswitch: '3.1.0' },
    commit: '0123456789abcdef0123456789abcdef01234567',
    dirty: false,
    startedAt: '2026-05-01T10:00:00.000Z',
    endedAt: '2026-05-01T10:03:40.000Z',
  };
}

async function writeTrial(
  root: string,
  name: string,
  arm: string,
  random: Random,
  arrivals: Random,
  measureMs: number,
  valid: boolean,
): Promise<void> {
  const folder = path.join(root, 'trials', name);
  await mkdir(folder, { recursive: true });
  const behaviour = BEHAVIOUR[arm] ?? BEHAVIOUR['mesh'];
  if (behaviour === undefined) throw new Error(`no behaviour for ${arm}`);
  const mood = Math.exp(0.05 * normal(random.child('mood')));
  const endMs = WARMUP_MS + measureMs;
  const lines = ['id,class,workload,phase,intended_ms,sent_ms,first_byte_ms,end_ms,status,bytes,error,late'];
  const bins = new Map<string, number>();
  let id = 0;
  const load = (className: 'interactive' | 'batch', workload: 'pages' | 'exports', medianMs: number) => {
    const stream = random.child(workload);
    const schedule = arrivals.child(workload);
    for (let at = 0; ; ) {
      at += schedule.exponential(1000 / RATE_RPS[workload]);
      if (at >= endMs) return;
      const sent = at + 0.2 * stream.next();
      const took = medianMs * mood * Math.exp(behaviour.spread * normal(stream));
      const failed = stream.next() < behaviour.failures;
      const end = at + took;
      const cutOff = end > endMs + DRAIN_MS;
      const size = className === 'batch' ? BATCH_BYTES : INTERACTIVE_BYTES;
      const phase = at < WARMUP_MS ? 'warmup' : 'measure';
      const lost = failed || cutOff;
      const outcome = lost
        ? ['', '', '', '0', failed ? 'timeout' : 'unfinished']
        : [sent + took / 2, end, 200, size, ''];
      const [first, last, status, bytes, error] = outcome.map((value) =>
        typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(3) : value,
      );
      lines.push(
        [
          id,
          className,
          workload,
          phase,
          at.toFixed(3),
          sent.toFixed(3),
          first,
          last,
          status,
          bytes,
          error,
          0,
        ].join(','),
      );
      id += 1;
      if (failed) continue;
      const from = Math.floor((sent + took / 4) / 100);
      const to = Math.max(from, Math.floor(end / 100));
      for (let bin = from; bin <= to; bin += 1) {
        const key = `${bin * 100},${className}`;
        bins.set(key, (bins.get(key) ?? 0) + Math.round(size / (to - from + 1)));
      }
    }
  };
  load('interactive', 'pages', behaviour.interactiveMs);
  if (behaviour.batchMs > 0) load('batch', 'exports', behaviour.batchMs);
  await writeFile(path.join(folder, 'requests.csv.gz'), gzipSync(`${lines.join('\n')}\n`));
  const binLines = [...bins].map(([key, bytes]) => `${key},${bytes}`);
  await writeFile(path.join(folder, 'throughput.csv'), `${['t_ms,class,bytes', ...binLines].join('\n')}\n`);
  await writeFile(path.join(folder, 'counters.jsonl'), counters(bins, behaviour, endMs));
  const verdict = valid
    ? { valid: true, reasons: [] }
    : { valid: false, reasons: ['9.0 % of the processor time was taken by the hypervisor (at most 5.0 %)'] };
  await writeFile(path.join(folder, 'audit.json'), JSON.stringify({ verdict, seen: {}, generator: {} }));
}

function counters(bins: ReadonlyMap<string, number>, behaviour: Behaviour, endMs: number): string {
  const lines: string[] = [];
  const total = { interactive: 0, batch: 0 };
  for (let at = 0; at < endMs; at += 500) {
    for (const className of ['interactive', 'batch'] as const) {
      for (let bin = at; bin < at + 500; bin += 100) total[className] += bins.get(`${bin},${className}`) ?? 0;
    }
    const classes = (['interactive', 'batch'] as const).map((className) => ({
      class: className,
      bytes: total[className],
      packets: Math.round(total[className] / 1448),
      drops: 0,
      backlogBytes: className === 'batch' && behaviour.batchMs > 0 ? 90_000 : 0,
    }));
    lines.push(JSON.stringify({ t_ms: at, source: 'port', name: 'bottleneck, right to left', classes }));
  }
  return `${lines.join('\n')}\n`;
}

/** A standard normal number (Box and Muller, 1958). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}
