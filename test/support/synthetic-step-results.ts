import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Random, seededRandom } from '../../src/core/index.ts';

const WARMUP_MS = 500;
const MEASURE_MS = 4500;
/** After the start of the measurement. */
const STEPS_MS = [1500, 3000] as const;
const ARMS = ['plain', 'shed'] as const;
const FORM = { trials: 3, warmupMs: WARMUP_MS, measureMs: MEASURE_MS, drainMs: 1000 };

type Arm = (typeof ARMS)[number];

/** Writes a results folder of an experiment whose load steps up and down again, as a run leaves it before it is published: always the same bytes. */
export async function writeSyntheticStepResults(root: string): Promise<void> {
  await mkdir(root, { recursive: true });
  await writeFile(path.join(root, 'manifest.json'), JSON.stringify(manifest(), null, 2));
  const random = seededRandom(5);
  for (let block = 0; block < FORM.trials; block += 1) {
    for (const [position, arm] of ARMS.entries()) {
      const stem = `${String(block * ARMS.length + position).padStart(3, '0')}-${arm}-${block}`;
      await writeTrial(path.join(root, 'trials', stem), arm, random.child(stem));
    }
  }
}

function manifest(): object {
  const [upMs, downMs] = STEPS_MS;
  const workload = { path: '/', arrivals: 'poisson', timeoutMs: 2000 };
  const interactive = { class: 'interactive', claim: 'As it should be.' };
  return {
    schema: 'priomesh/manifest/v1',
    experiment: {
      name: 'overload',
      title: 'Too much',
      claim: 'Who sheds serves.',
      topology: { name: 'dumbbell', rateBps: 100_000_000, delayMs: 1, queuePackets: 100 },
      workloads: [
        { ...workload, name: 'interactive', class: 'interactive', rateRps: 100 },
        {
          ...workload,
          name: 'batch',
          class: 'batch',
          rateRps: 50,
          steps: [
            { atMs: upMs, rateRps: 300 },
            { atMs: downMs, rateRps: 50 },
          ],
        },
      ],
      arms: {
        plain: { sidecars: true, layers: [], description: 'Nobody is turned away.' },
        shed: { sidecars: true, layers: ['queue'], description: 'Batch is turned away.' },
      },
      comparisons: [
        { ...interactive, metric: 'step.goodShare.during', kind: 'value', of: 'shed', atLeast: 0.9 },
        { ...interactive, metric: 'step.timeToSettleMs.up', kind: 'value', of: 'shed', atMost: 200 },
        {
          ...interactive,
          metric: 'step.goodShare.during',
          kind: 'difference',
          of: 'shed',
          to: 'plain',
          atLeast: 0.5,
        },
        { ...interactive, metric: 'step.latencyMs.p99', of: 'plain', to: 'shed', atLeast: 2 },
      ],
      seed: 5,
      audit: { maxVoidRatio: 0.25 },
    },
    policy: {
      name: 'overload',
      classes: [
        { name: 'interactive', rank: 0, slo: { latencyMs: 100, latencyQuantile: 0.99 } },
        { name: 'batch', rank: 5, slo: {} },
      ],
    },
    formName: 'quick',
    form: FORM,
    lab: 'mininet',
    schedule: Array.from({ length: FORM.trials }, (_, block) => ARMS.map((arm) => ({ arm, block }))).flat(),
    commit: null,
    startedAt: '2026-05-01T10:00:00.000Z',
  };
}

/** In `plain` what is due during the step takes half a second; in `shed` only what is due in its first 100 ms, and half of batch is turned away. */
async function writeTrial(folder: string, arm: Arm, random: Random): Promise<void> {
  await mkdir(folder, { recursive: true });
  const [upMs, downMs] = STEPS_MS.map((ms) => WARMUP_MS + ms) as [number, number];
  const rows: string[] = [];
  const bins: string[] = [];
  for (const className of ['interactive', 'batch'] as const) {
    const endMs = WARMUP_MS + MEASURE_MS;
    for (let at = random.exponential(10); at < endMs; ) {
      const during = at >= upMs && at < downMs;
      const hurts = during && (arm === 'plain' || at < upMs + 100);
      const refused = during && arm === 'shed' && className === 'batch' && random.next() < 0.5;
      const tookMs = refused ? 1 : (hurts ? 500 : 20) * (1 + 0.3 * random.next());
      const phase = at < WARMUP_MS ? 'warmup' : 'measure';
      const times = [at, at + 0.1, at + tookMs / 2, at + tookMs].map((time) => time.toFixed(3));
      const status = refused ? 503 : 200;
      rows.push([rows.length, className, className, phase, ...times, status, 1000, '', 0].join(','));
      at += random.exponential(className === 'interactive' ? 10 : during ? 3.3 : 20);
    }
    for (let at = 0; at < endMs; at += 100) bins.push(`${at},${className},8000`);
  }
  const head = 'id,class,workload,phase,intended_ms,sent_ms,first_byte_ms,end_ms,status,bytes,error,late';
  await writeFile(path.join(folder, 'requests.csv.gz'), gzipSync(`${[head, ...rows].join('\n')}\n`));
  await writeFile(path.join(folder, 'throughput.csv'), `${['t_ms,class,bytes', ...bins].join('\n')}\n`);
  await writeFile(path.join(folder, 'audit.json'), JSON.stringify({ verdict: { valid: true, reasons: [] } }));
  await writeFile(path.join(folder, 'counters.jsonl'), '');
}
