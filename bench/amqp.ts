import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { hostExec, mustRun, silentLogger, systemClock } from '../src/core/index.ts';
import { openBroker, openLab } from '../src/lab/index.ts';
import { MESSAGE_BYTES, runAmqpLoad } from './amqp-load.ts';
import { AMQP_PEERS, type AmqpPeer, type RunningAmqpPeer } from './amqp-peers.ts';
import { requireTwoCores } from './compare.ts';
import { describeMachine, type Machine } from './machine.ts';
import { cpuMs, type Memory, memoryOf } from './proc.ts';
import { ProcessGroup } from './processes.ts';
import { findTool } from './programs.ts';
import { type Settings, wanted } from './settings.ts';
import { type Row, rowsOf } from './summary.ts';
import { heading, section } from './table.ts';

/** One measurement of one row. */
interface AmqpSample {
  readonly peer: string;
  readonly round: number;
  readonly kind: 'throughput' | 'latency';
  readonly messages: number;
  readonly errors: number;
  readonly durationMs: number;
  /** Processor time of the row's processes. */
  readonly cpuMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly late: number;
  readonly memory: Memory;
}

/** What a benchmark of the AMQP proxy leaves. */
export interface AmqpBenchResult {
  readonly schema: 'priomesh/bench-amqp/v1';
  readonly startedAt: string;
  readonly machine: Machine;
  readonly broker: string;
  readonly loadAverages: readonly (readonly number[])[];
  readonly settings: Settings;
  readonly peers: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
  readonly samples: readonly AmqpSample[];
}

/** Requests a second of the open loop. */
const REQUEST_RATE_RPS = 400;

interface Subject {
  readonly peer: AmqpPeer;
  readonly running: RunningAmqpPeer;
}

const NO_MEMORY: Memory = { rssBytes: 0, anonymousBytes: 0 };

async function measure(
  processes: ProcessGroup,
  { peer, running }: Subject,
  kind: AmqpSample['kind'],
  round: number,
  settings: Settings,
): Promise<AmqpSample> {
  const { pids } = running;
  const task = {
    address: running.address,
    virtualHost: '/',
    warmupMs: settings.warmupSeconds * 1000,
    measureMs: kind === 'throughput' ? settings.seconds * 1000 : settings.latencyMs,
    kind,
    rateRps: REQUEST_RATE_RPS,
    // The same arrivals for every row of a round.
    seed: round,
  };
  const read = (): Promise<number> => cpuMs(pids);
  const { result, before, after } = await runAmqpLoad(processes, settings.restCore, task, read);
  const memory = pids.length === 0 ? NO_MEMORY : await memoryOf(pids);
  return { peer: peer.name, round, kind, ...result, cpuMs: after - before, memory };
}

/** All figures of the samples; those of the direct way have no processor time. */
export function summarizeAmqp(samples: readonly AmqpSample[]): Row[] {
  const rows = (name: string, from: readonly AmqpSample[], value: (sample: AmqpSample) => number): Row[] =>
    rowsOf(
      name,
      from.map((sample) => ({ peer: sample.peer, round: sample.round, value: value(sample) })),
    );
  const loops = samples.filter(({ kind }) => kind === 'throughput');
  const proxied = loops.filter(({ peer }) => peer !== 'direct');
  const requests = samples.filter(({ kind }) => kind === 'latency');
  const added = (value: (sample: AmqpSample) => number): ((sample: AmqpSample) => number) => {
    const direct = new Map(requests.filter(({ peer }) => peer === 'direct').map((one) => [one.round, one]));
    return (sample) => {
      const other = direct.get(sample.round);
      return value(sample) - (other === undefined ? 0 : value(other));
    };
  };
  const notDirect = requests.filter(({ peer }) => peer !== 'direct');
  return [
    ...rows('messagesRps', loops, ({ messages, durationMs }) => (messages * 1000) / durationMs),
    ...rows('cpuPerMessageUs', proxied, (sample) => (sample.cpuMs * 1000) / sample.messages),
    ...rows('proxyCorePercent', proxied, (sample) => (100 * sample.cpuMs) / sample.durationMs),
    ...rows('rssBytes', proxied, ({ memory }) => memory.rssBytes),
    ...rows('requestP50Ms', requests, ({ p50Ms }) => p50Ms),
    ...rows('requestP99Ms', requests, ({ p99Ms }) => p99Ms),
    ...rows(
      'addedP50Ms',
      notDirect,
      added(({ p50Ms }) => p50Ms),
    ),
    ...rows(
      'addedP99Ms',
      notDirect,
      added(({ p99Ms }) => p99Ms),
    ),
    ...rows('cpuPerRequestUs', notDirect, (sample) => (sample.cpuMs * 1000) / sample.messages),
    ...rows('lateSends', requests, ({ late }) => late),
    ...rows('errors', samples, ({ errors }) => errors),
  ];
}

/**
 * Compares connections to a message broker through the sidecar's AMQP proxy with direct ones.
 * @param progress is told in short lines what is being done
 * @throws PriomeshError PLATFORM_MISSING, COMMAND_FAILED, LAB_FAILED, ABORTED
 */
export async function compareAmqp(
  settings: Settings,
  signal: AbortSignal,
  progress: (text: string) => void,
): Promise<AmqpBenchResult> {
  requireTwoCores();
  const startedAt = new Date(systemClock.wallMs()).toISOString();
  const machine = await describeMachine();
  const loadBefore = os.loadavg();
  // What is started from here on, RabbitMQ first of all, inherits the core; the proxies are put on theirs.
  const argv = [await findTool('taskset'), '--all-tasks', '--cpu-list', '--pid'] as const;
  await mustRun(hostExec, [...argv, String(settings.restCore), String(process.pid)]);
  const processes = await ProcessGroup.open(signal);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'priomesh-bench-'));
  const topology = { name: 'dumbbell', rateBps: 1, delayMs: 0, queuePackets: 1, nodes: ['left1'] } as const;
  progress('starting RabbitMQ');
  const lab = await openLab({ kind: 'local', topology, logDirectory: folder, logger: silentLogger }, signal);
  try {
    const broker = await openBroker(lab, 'left1', { directory: folder, logger: silentLogger, signal });
    try {
      const subjects: Subject[] = [];
      for (const peer of AMQP_PEERS.filter(({ name }) => wanted(settings, name))) {
        const running = await peer.start(processes, broker.address, folder, settings.proxyCore);
        subjects.push({ peer, running });
      }
      const samples: AmqpSample[] = [];
      for (let round = 1; round <= settings.rounds; round += 1) {
        for (const kind of ['throughput', 'latency'] as const) {
          for (const subject of subjects) {
            progress(`round ${round} of ${settings.rounds}, ${kind}, ${subject.peer.name}`);
            samples.push(await measure(processes, subject, kind, round, settings));
          }
        }
      }
      return {
        schema: 'priomesh/bench-amqp/v1',
        startedAt,
        machine,
        broker: broker.version,
        loadAverages: [loadBefore, os.loadavg()],
        settings,
        peers: Object.fromEntries(AMQP_PEERS.map(({ name, title }) => [name, title])),
        rows: summarizeAmqp(samples),
        samples,
      };
    } finally {
      await broker.close();
    }
  } finally {
    await processes.close();
    await lab.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The result as a person reads it. */
export function formatAmqpTables({
  rows,
  peers,
  settings,
  machine,
  loadAverages,
  broker,
}: AmqpBenchResult): string {
  const names = Object.keys(peers);
  const sections = [
    heading({ ...machine, versions: { ...machine.versions, rabbitmq: broker } }, settings, loadAverages),
    section(
      `${MESSAGE_BYTES}-byte messages, published with confirms, consumed with acknowledgements, the peer alone on core ${settings.proxyCore}, closed loop of ${settings.seconds} s`,
      rows,
      names,
      [
        { title: 'messages/s', measure: 'messagesRps', digits: 0, spread: true },
        { title: 'to direct', measure: 'messagesRps', against: 'direct', digits: 2, spread: true },
        { title: 'CPU us/message', measure: 'cpuPerMessageUs', digits: 1, spread: true },
        { title: 'to haproxy-tcp', measure: 'cpuPerMessageUs', against: 'haproxy-tcp', digits: 2 },
        { title: 'own core %', measure: 'proxyCorePercent', digits: 0 },
        { title: 'resident MiB', measure: 'rssBytes', digits: 1, unit: 1024 * 1024 },
        { title: 'errors', measure: 'errors', digits: 0 },
      ],
    ),
    section(
      `requests and replies over direct reply-to, ${REQUEST_RATE_RPS}/s, open loop, from the intended send time`,
      rows,
      names,
      [
        { title: 'p50 ms', measure: 'requestP50Ms', digits: 3, spread: true },
        { title: 'added p50 ms', measure: 'addedP50Ms', digits: 3, spread: true },
        { title: 'to direct', measure: 'requestP50Ms', against: 'direct', digits: 2 },
        { title: 'p99 ms', measure: 'requestP99Ms', digits: 3 },
        { title: 'added p99 ms', measure: 'addedP99Ms', digits: 3, spread: true },
        { title: 'CPU us/request', measure: 'cpuPerRequestUs', digits: 0 },
        { title: 'late sends', measure: 'lateSends', digits: 0 },
      ],
    ),
  ];
  return `${sections.join('\n\n')}\n`;
}
