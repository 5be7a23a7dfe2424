import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { CONTROL_PLANE_MAIN, openReport, type Report } from '../src/control-plane/index.ts';
import type { Topology } from '../src/control-protocol/index.ts';
import { type Hint, seededRandom, silentLogger, systemClock } from '../src/core/index.ts';
import { requireTwoCores } from './compare.ts';
import { describeMachine, type Machine } from './machine.ts';
import { cpuMs, memoryOf } from './proc.ts';
import { type BenchProcess, ProcessGroup } from './processes.ts';
import { meshProgram } from './programs.ts';
import { type Settings, wanted } from './settings.ts';
import { type Row, rowsOf } from './summary.ts';
import { heading, section } from './table.ts';

/** How many sidecars follow, one row each. */
const COUNTS = [10, 100, 1000] as const;
/** As often as a bridge looks at its network. */
const HINT_INTERVAL_MS = 100;
const TIMEOUT_MS = 60_000;

/** One control plane with its sidecars, once. */
interface PlaneSample {
  readonly sidecars: number;
  readonly round: number;
  /** From the first sidecar's start until all have their paths. */
  readonly followMs: number;
  readonly rssIdleBytes: number;
  readonly rssBytes: number;
  readonly cpuMs: number;
  /** For each round of hints, from handing it to the bridge's stream until the first sidecar had it, half of them, and all. */
  readonly firstMs: readonly number[];
  readonly medianMs: readonly number[];
  readonly lastMs: readonly number[];
}

/** What a benchmark of the control plane leaves. */
export interface PlaneBenchResult {
  readonly schema: 'priomesh/bench-control-plane/v1';
  readonly startedAt: string;
  readonly machine: Machine;
  readonly loadAverages: readonly (readonly number[])[];
  readonly settings: Settings;
  readonly rows: readonly Row[];
  readonly samples: readonly PlaneSample[];
}

/** Two ways between two switches, as in `topologies/dual_path.py`. */
function dualPath(): Topology {
  const pairs = [
    ['s1', 's2'],
    ['s2', 's4'],
    ['s1', 's3'],
    ['s3', 's4'],
  ] as const;
  const link = (from: string, to: string, port: number) => ({
    id: `${from}>${to}`,
    from,
    to,
    port,
    device: '',
    rateBps: 20e6,
    up: true,
  });
  const way = (id: string, over: string) => ({
    id,
    default: id === 'primary',
    between: ['s1', 's4'] as const,
    forward: [`s1>${over}`, `${over}>s4`],
    backward: [`s4>${over}`, `${over}>s1`],
  });
  return {
    epoch: 1,
    switches: ['s1', 's2', 's3', 's4'].map((name, index) => ({
      name,
      dpid: `${index + 1}`,
      connected: true,
    })),
    links: pairs.flatMap(([from, to], index) => [link(from, to, index), link(to, from, index)]),
    hosts: [
      { name: 'h1', addresses: ['10.0.0.1'], switch: 's1' },
      { name: 'h2', addresses: ['10.0.0.2'], switch: 's4' },
    ],
    paths: [way('primary', 's2'), way('secondary', 's3')],
  };
}

/** What a bridge tells at once: a hint about each of the eight links, two classes in each. */
function hintsOf(topology: Topology, sequence: number): Hint[] {
  const one = { level: (sequence % 20) / 20, queueingDelayMs: 12.5, utilization: 0.7, lossRatio: 0 };
  const classes = { interactive: one, batch: one };
  return topology.links.map(({ id }) => ({
    link: id,
    epoch: 1,
    sequence,
    ttlMs: 1000,
    down: false,
    classes,
  }));
}

async function sendHints(
  report: Report,
  sidecars: BenchProcess,
  rounds: number,
  signal: AbortSignal,
): Promise<Pick<PlaneSample, 'firstMs' | 'medianMs' | 'lastMs'>> {
  const topology = dualPath();
  const [firstMs, medianMs, lastMs]: [number[], number[], number[]] = [[], [], []];
  for (let sequence = 1; sequence <= rounds; sequence += 1) {
    await systemClock.sleep(HINT_INTERVAL_MS, signal);
    const sentMs = systemClock.nowMs();
    report.hints(hintsOf(topology, sequence));
    const line = await sidecars.waitForLine(`"sequence":${sequence},`, TIMEOUT_MS, signal);
    const all = JSON.parse(line) as { firstMs: number; medianMs: number; lastMs: number };
    firstMs.push(all.firstMs - sentMs);
    medianMs.push(all.medianMs - sentMs);
    lastMs.push(all.lastMs - sentMs);
  }
  return { firstMs, medianMs, lastMs };
}

async function measure(
  processes: ProcessGroup,
  folder: string,
  count: number,
  round: number,
  settings: Settings,
): Promise<PlaneSample> {
  const { signal } = processes;
  const target = `unix:${path.join(folder, 'plane.sock')}`;
  const file = path.join(folder, 'control-plane.json');
  await writeFile(file, JSON.stringify({ listen: target }));
  const argv = [...(await meshProgram(CONTROL_PLANE_MAIN)).argv, '--config', file] as const;
  const plane = processes.spawn('the control plane', argv, { core: settings.proxyCore });
  await plane.waitForLine('"ready"', TIMEOUT_MS, signal);
  const report = openReport({
    target,
    clock: systemClock,
    random: seededRandom(round),
    logger: silentLogger,
  });
  try {
    report.topology(dualPath());
    const rssIdleBytes = (await memoryOf([plane.pid])).rssBytes;
    const main = path.join(import.meta.dirname, 'control-plane-sidecars-main.ts');
    const sidecars = processes.spawn(
      'the sidecars',
      [process.execPath, main, '--target', target, '--count', String(count)],
      { core: settings.restCore },
    );
    const line = await sidecars.waitForLine('"following"', TIMEOUT_MS, signal);
    const { tookMs } = JSON.parse(line) as { tookMs: number };
    // The registry is told to everybody before the hints begin.
    await systemClock.sleep(1000, signal);
    const before = await cpuMs([plane.pid]);
    const times = await sendHints(report, sidecars, (settings.seconds * 1000) / HINT_INTERVAL_MS, signal);
    const spent = (await cpuMs([plane.pid])) - before;
    const { rssBytes } = await memoryOf([plane.pid]);
    await sidecars.end();
    return { sidecars: count, round, followMs: tookMs, rssIdleBytes, rssBytes, cpuMs: spent, ...times };
  } finally {
    await report.close();
    await plane.end();
  }
}

const middle = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** All figures of the samples, a row for each number of sidecars. */
export function summarizePlane(samples: readonly PlaneSample[]): Row[] {
  const rows = (name: string, value: (sample: PlaneSample) => number): Row[] =>
    rowsOf(
      name,
      samples.map((sample) => ({ peer: `${sample.sidecars}`, round: sample.round, value: value(sample) })),
    );
  return [
    ...rows('followMs', ({ followMs }) => followMs),
    ...rows('rssBytes', ({ rssBytes }) => rssBytes),
    ...rows(
      'perSidecarBytes',
      ({ rssBytes, rssIdleBytes, sidecars }) => (rssBytes - rssIdleBytes) / sidecars,
    ),
    ...rows('cpuPerHintsMs', ({ cpuMs: spent, lastMs }) => spent / lastMs.length),
    ...rows('firstMs', ({ firstMs }) => middle(firstMs)),
    ...rows('medianMs', ({ medianMs }) => middle(medianMs)),
    ...rows('lastMs', ({ lastMs }) => middle(lastMs)),
    ...rows('worstMs', ({ lastMs }) => Math.max(...lastMs)),
  ];
}

/**
 * Measures what many sidecars cost a control plane, and how long a hint takes until the last of them has it.
 * @param progress is told in short lines what is being done
 * @throws PriomeshError PLATFORM_MISSING, COMMAND_FAILED, ABORTED
 */
export async function measureControlPlane(
  settings: Settings,
  signal: AbortSignal,
  progress: (text: string) => void,
): Promise<PlaneBenchResult> {
  requireTwoCores();
  const startedAt = new Date(systemClock.wallMs()).toISOString();
  const machine = await describeMachine();
  const loadBefore = os.loadavg();
  const processes = await ProcessGroup.open(signal);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pm-bench-'));
  try {
    const samples: PlaneSample[] = [];
    for (let round = 1; round <= settings.rounds; round += 1) {
      for (const count of COUNTS.filter((one) => wanted(settings, String(one)))) {
        progress(`round ${round} of ${settings.rounds}, ${count} sidecars`);
        samples.push(await measure(processes, folder, count, round, settings));
      }
    }
    return {
      schema: 'priomesh/bench-control-plane/v1',
      startedAt,
      machine,
      loadAverages: [loadBefore, os.loadavg()],
      settings,
      rows: summarizePlane(samples),
      samples,
    };
  } finally {
    await processes.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The result as a person reads it. */
export function formatPlaneTables({ rows, settings, machine, loadAverages }: PlaneBenchResult): string {
  const names = COUNTS.map(String);
  const sections = [
    heading(machine, settings, loadAverages),
    section(
      `sidecars that follow, each over a connection of its own; the control plane alone on core ${settings.proxyCore}, all sidecars in one process on core ${settings.restCore}`,
      rows,
      names,
      [
        { title: 'all follow after ms', measure: 'followMs', digits: 0, spread: true },
        { title: 'resident MiB', measure: 'rssBytes', digits: 1, unit: 1024 * 1024 },
        { title: 'KiB/sidecar', measure: 'perSidecarBytes', digits: 1, unit: 1024, spread: true },
      ],
    ),
    section(
      `hints about 8 links, ${HINT_INTERVAL_MS} ms after all have got the ones before: from the bridge's hand to the sidecars'`,
      rows,
      names,
      [
        { title: 'first ms', measure: 'firstMs', digits: 1 },
        { title: 'half of them ms', measure: 'medianMs', digits: 1 },
        { title: 'last ms', measure: 'lastMs', digits: 1, spread: true },
        { title: 'last, worst ms', measure: 'worstMs', digits: 1 },
        { title: 'CPU ms', measure: 'cpuPerHintsMs', digits: 1, spread: true },
      ],
    ),
  ];
  return `${sections.join('\n\n')}\n`;
}
