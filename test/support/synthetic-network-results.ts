import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Random, seededRandom } from '../../src/core/index.ts';

const WARMUP_MS = 1000;
const MEASURE_MS = 6000;
const DRAIN_MS = 1000;
/** After the start of the measurement. */
const EPISODE = { startMs: 2000, durationMs: 2500 };
const ARMS = ['no-hints', 'told'] as const;
const FORM = { trials: 3, warmupMs: WARMUP_MS, measureMs: MEASURE_MS, drainMs: DRAIN_MS };

type Arm = (typeof ARMS)[number];

/** Writes a results folder of an experiment with cross traffic and two paths, as a run leaves it before it is published: always the same bytes. */
export async function writeSyntheticNetworkResults(root: string): Promise<void> {
  await mkdir(root, { recursive: true });
  await writeFile(path.join(root, 'manifest.json'), JSON.stringify(manifest(), null, 2));
  const random = seededRandom(3);
  for (let block = 0; block < FORM.trials; block += 1) {
    for (const [position, arm] of ARMS.entries()) {
      const stem = `${String(block * ARMS.length + position).padStart(3, '0')}-${arm}-${block}`;
      await writeTrial(path.join(root, 'trials', stem), arm, random.child(stem));
    }
  }
}

function manifest(): object {
  const interactive = { class: 'interactive', claim: 'As it should be.' };
  return {
    schema: 'priomesh/manifest/v1',
    experiment: {
      name: 'reroute',
      title: 'From congestion to another path',
      claim: 'Who is told leaves.',
      topology: { name: 'dual-path', rateBps: 20_000_000, delayMs: 5, queuePackets: 100 },
      controller: { pollMs: 20 },
      crossTraffic: [{ name: 'flood', from: 'right3', to: 'left3', rateBps: 24_000_000, ...EPISODE }],
      workloads: ['interactive', 'batch'].map((name) => ({
        name,
        class: name,
        path: '/',
        arrivals: 'poisson',
        rateRps: 40,
        timeoutMs: 5000,
      })),
      arms: {
        'no-hints': { sidecars: true, layers: ['mark'], description: 'Nobody is told.' },
        told: { sidecars: true, layers: ['mark', 'network'], description: 'Sidecars are told.' },
      },
      comparisons: [
        { ...interactive, metric: 'episode.timeToHintMs', kind: 'value', of: 'told', atMost: 100 },
        { ...interactive, metric: 'episode.timeToReliefMs', kind: 'value', of: 'told', atMost: 1000 },
        { ...interactive, metric: 'episode.moves', kind: 'value', of: 'told', atMost: 0 },
        { ...interactive, metric: 'episode.timeToFirstMoveMs', kind: 'value', of: 'no-hints', atMost: 1 },
        { ...interactive, metric: 'episode.latencyMs.p50', of: 'no-hints', to: 'told', atLeast: 3 },
      ],
      seed: 3,
      audit: { maxVoidRatio: 0.25 },
    },
    policy: {
      name: 'reroute',
      classes: [
        { name: 'interactive', rank: 0, slo: { latencyMs: 50, latencyQuantile: 0.99 } },
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

async function writeTrial(folder: string, arm: Arm, random: Random): Promise<void> {
  await mkdir(folder, { recursive: true });
  const [fromMs, endMs] = [WARMUP_MS + EPISODE.startMs, WARMUP_MS + MEASURE_MS];
  const toMs = fromMs + EPISODE.durationMs;
  const movedMs = {
    batch: fromMs + 120 + 40 * random.next(),
    interactive: fromMs + 380 + 40 * random.next(),
  };
  const rows: string[] = [];
  const bins: string[] = [];
  for (const className of ['interactive', 'batch'] as const) {
    for (let at = random.exponential(25); at < endMs; at += random.exponential(25)) {
      const hurts = at >= fromMs && at < toMs && (arm === 'no-hints' || at < movedMs[className] + 100);
      const tookMs = (hurts ? 300 : 20) * (1 + 0.3 * random.next());
      const phase = at < WARMUP_MS ? 'warmup' : 'measure';
      const times = [at, at + 0.1, at + tookMs / 2, at + tookMs].map((time) => time.toFixed(3));
      rows.push([rows.length, className, className, phase, ...times, 200, 4000, '', 0].join(','));
    }
    for (let at = 0; at < endMs; at += 100) bins.push(`${at},${className},16000`);
  }
  const head = 'id,class,workload,phase,intended_ms,sent_ms,first_byte_ms,end_ms,status,bytes,error,late';
  await writeFile(path.join(folder, 'requests.csv.gz'), gzipSync(`${[head, ...rows].join('\n')}\n`));
  await writeFile(path.join(folder, 'throughput.csv'), `${['t_ms,class,bytes', ...bins].join('\n')}\n`);
  await writeFile(path.join(folder, 'audit.json'), JSON.stringify({ verdict: { valid: true, reasons: [] } }));

  const lines: object[] = [
    {
      t_ms: 0,
      event: 'paths',
      paths: [
        { id: 'primary', links: ['s1>s2', 's4>s2'] },
        { id: 'secondary', links: ['s1>s3', 's4>s3'] },
      ],
    },
  ];
  for (let at = 0; at < endMs; at += 100) {
    const level = at >= fromMs + 60 && at < toMs ? 1 : 0.1;
    const used = (path: string, className: 'interactive' | 'batch') =>
      (path === 'secondary') === (arm === 'told' && at >= movedMs[className]) ? 0.2 : 0;
    const classes = (id: string, own: number) =>
      Object.fromEntries(
        (['interactive', 'batch'] as const).map((name) => [
          name,
          { level: own, utilization: used(id, name) },
        ]),
      );
    lines.push({
      t_ms: at,
      event: 'links',
      links: [
        { link: 's4>s2', classes: classes('primary', level) },
        { link: 's4>s3', classes: classes('secondary', 0) },
      ],
    });
  }
  const hintMs = fromMs + 50 + 20 * random.next();
  for (const className of ['interactive', 'batch'] as const) {
    for (const [time, congested] of [
      [hintMs, true],
      [toMs + 40, false],
    ] as const) {
      lines.push({ t_ms: time, event: 'hint', link: 's4>s2', class: className, congested, level: 0.8 });
    }
    if (arm === 'no-hints') continue;
    const moved = { event: 'move', class: className, from: 'primary', to: 'secondary', reason: 'congested' };
    for (const peer of ['10.0.0.1', '10.0.0.2']) {
      lines.push({ t_ms: movedMs[className], name: 'catalog', owner: 'sidecar', peer, ...moved });
    }
  }
  const text = lines.map((line) => JSON.stringify({ source: 'network', name: 'bridge', ...line }));
  await writeFile(path.join(folder, 'counters.jsonl'), `${text.join('\n')}\n`);
}
