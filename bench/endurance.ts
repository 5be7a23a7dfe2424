import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Address } from '../src/config/index.ts';
import { PriomeshError, systemClock } from '../src/core/index.ts';
import { requireTwoCores } from './compare.ts';
import { LOADS } from './loads/index.ts';
import { describeMachine, type Machine } from './machine.ts';
import { type PartContext, reasonOf, type Skip, startPeer } from './parts/index.ts';
import { type Peer, peersOf } from './peers/index.ts';
import { type Memory, memoryOf } from './proc.ts';
import { ProcessGroup } from './processes.ts';
import { pathOf, SERVICE } from './scene.ts';
import { type Settings, wanted } from './settings.ts';
import { alignColumns } from './table.ts';
import { startUpstreams } from './upstreams/index.ts';

const LEAST_REQUESTS = 1_000_000;
const MOST_SLICES = 500;
const CONNECTIONS = 10_000;
/** So many each row is told to be able to hold. */
const ROOM = CONNECTIONS + 1000;
const OPEN_TIMEOUT_MS = 120_000;
/** How long memory is given to come back after connections were closed. */
const SETTLE_MS = 3000;
const MEBIBYTE = 1024 * 1024;
const CONNECTIONS_MAIN = new URL('./connections-main.ts', import.meta.url).pathname;

/** Memory after so many requests. */
interface Slice extends Memory {
  readonly requests: number;
}

/** How one row's memory went. */
export interface EnduranceSample {
  readonly row: string;
  readonly idle: Memory;
  /** Grows by a slice each `--seconds`. */
  readonly slices: readonly Slice[];
  readonly errors: number;
  /** Twice the same: that memory is not given back says little, that the second time takes more would say something. */
  readonly held: readonly Held[];
}

/** Many connections at once. */
interface Held {
  readonly connections: number;
  /** How many of them have had their answer. */
  readonly answered: number;
  readonly open: Memory;
  /** A while after they were closed. */
  readonly closed: Memory;
}

/** What the run leaves. */
export interface EnduranceResult {
  readonly schema: 'priomesh/bench-endurance/v1';
  readonly startedAt: string;
  readonly machine: Machine;
  readonly settings: Settings;
  readonly samples: readonly EnduranceSample[];
  readonly skipped: readonly Skip[];
}

/** Bytes by which memory grew for each million requests, over the second half of the slices: a straight line through them. */
export function growthPerMillion(slices: readonly Slice[], of: keyof Memory): number {
  const half = slices.slice(slices.length >> 1);
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = half.map(({ requests }) => requests / 1e6);
  const y = half.map((slice) => slice[of]);
  const [middleX, middleY] = [mean(x), mean(y)];
  const squares = x.reduce((sum, value) => sum + (value - middleX) ** 2, 0);
  const products = x.reduce((sum, value, index) => sum + (value - middleX) * ((y[index] ?? 0) - middleY), 0);
  return squares === 0 ? 0 : products / squares;
}

async function holdConnections(
  { processes, settings }: PartContext,
  { host, port }: Address,
  pids: readonly number[],
): Promise<Held> {
  const { signal } = processes;
  const request = `GET ${pathOf('small')} HTTP/1.1\r\nHost: ${SERVICE}\r\n\r\n`;
  const holder = processes.spawn(
    'connections',
    [process.execPath, CONNECTIONS_MAIN, host, String(port), String(CONNECTIONS), request],
    { core: settings.restCore },
  );
  const line = await holder.waitForLine('"event":"open"', OPEN_TIMEOUT_MS, signal);
  const told = JSON.parse(line) as { opened: number; answered: number; closed: number };
  const open = await memoryOf(pids);
  await holder.end();
  await systemClock.sleep(SETTLE_MS, signal);
  const { answered } = told;
  return { connections: told.opened - told.closed, answered, open, closed: await memoryOf(pids) };
}

async function measureRow(context: PartContext, peer: Peer): Promise<EnduranceSample> {
  const { settings, processes, folder, progress } = context;
  const { seconds, restCore } = settings;
  const load = LOADS.find(({ name }) => name === 'http1-200');
  if (load === undefined) throw new PriomeshError('INTERNAL', 'there is no load http1-200');
  const running = await startPeer(context, peer, 'http1', { connections: ROOM });
  try {
    const target = running.address;
    const idle = await memoryOf(running.pids);
    const slices: Slice[] = [];
    let requests = 0;
    let errors = 0;
    while (requests < LEAST_REQUESTS && slices.length < MOST_SLICES) {
      const result = await load.run(processes, { target, connections: 64, seconds, core: restCore, folder });
      requests += result.requests;
      errors += result.errors;
      slices.push({ requests, ...(await memoryOf(running.pids)) });
      progress(`${peer.name}: ${requests} requests`);
    }
    const held: Held[] = [];
    while (held.length < 2) {
      progress(`${peer.name}: opening ${CONNECTIONS} connections`);
      held.push(await holdConnections(context, target, running.pids));
    }
    return { row: peer.name, idle, slices, errors, held };
  } finally {
    await running.end();
  }
}

/**
 * Measures whether memory stays where it is: over more than a million requests, and with 10,000 connections and after them.
 * @throws PriomeshError PLATFORM_MISSING, COMMAND_FAILED, ABORTED
 */
export async function measureEndurance(
  settings: Settings,
  signal: AbortSignal,
  progress: (text: string) => void,
): Promise<EnduranceResult> {
  requireTwoCores();
  const startedAt = new Date(systemClock.wallMs()).toISOString();
  const machine = await describeMachine();
  const processes = await ProcessGroup.open(signal);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'priomesh-bench-'));
  try {
    const upstreams = await startUpstreams(processes, folder, settings.restCore);
    const context = { processes, upstreams, folder, settings, progress };
    const samples: EnduranceSample[] = [];
    const skipped: Skip[] = [];
    const peers = peersOf('memory').filter(({ wires }) => wires.includes('http1'));
    for (const peer of peers.filter(({ name }) => wanted(settings, name))) {
      try {
        samples.push(await measureRow(context, peer));
      } catch (error) {
        skipped.push({ part: 'endurance', what: 'http1-200', row: peer.name, reason: reasonOf(error) });
      }
    }
    return { schema: 'priomesh/bench-endurance/v1', startedAt, machine, settings, samples, skipped };
  } finally {
    await processes.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const mebibytes = (bytes: number): string => (bytes / MEBIBYTE).toFixed(1);
const both = ({ rssBytes, anonymousBytes }: Memory): string =>
  `${mebibytes(rssBytes)} / ${mebibytes(anonymousBytes)}`;

const HELD_TITLES = [
  'resident / anonymous MiB',
  'before',
  'open',
  'closed',
  'open again',
  'closed again',
  'connections',
  'answered',
  'KiB each',
];

/** The result as a person reads it. */
export function formatEndurance({ samples, skipped }: EnduranceResult): string {
  const titles = [
    'resident / anonymous MiB',
    'idle',
    'first slice',
    'half way',
    'at the end',
    'requests',
    'growth per million',
    'errors',
  ];
  const over = samples.map(({ row, idle, slices, errors }) => {
    const [first, last] = [slices[0] ?? { ...idle, requests: 0 }, slices.at(-1) ?? { ...idle, requests: 0 }];
    const middle = slices[slices.length >> 1] ?? last;
    const growth = `${mebibytes(growthPerMillion(slices, 'rssBytes'))} / ${mebibytes(growthPerMillion(slices, 'anonymousBytes'))}`;
    return [row, both(idle), both(first), both(middle), both(last), `${last.requests}`, growth, `${errors}`];
  });
  const many = samples.map(({ row, slices, idle, held }) => {
    const before = slices.at(-1) ?? idle;
    const [first, second] = held;
    if (first === undefined || second === undefined) return [row];
    const each = (first.open.rssBytes - before.rssBytes) / 1024 / first.connections;
    const memory = [before, first.open, first.closed, second.open, second.closed].map(both);
    return [row, ...memory, `${second.connections}`, `${second.answered}`, each.toFixed(1)];
  });
  const tables = [
    alignColumns([titles, ...over]),
    alignColumns([HELD_TITLES, ...many]),
    ...(skipped.length === 0
      ? []
      : [['left out', ...skipped.map(({ row, reason }) => `${row}: ${reason}`)].join('\n')]),
  ];
  return `${tables.join('\n\n')}\n`;
}
