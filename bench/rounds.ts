import { PriomeshError, systemClock } from '../src/core/index.ts';
import { BODY_BYTES, type BodyName, CLASS_HEADER, classValue, ECHO_PATH, SERVICE } from './load.ts';
import { runOpenLoop } from './open-loop.ts';
import type { Peer, RunningPeer } from './peers/index.ts';
import { cpuMs, type Memory, memoryOf } from './proc.ts';
import type { ProcessGroup } from './processes.ts';
import type { StartSample } from './start-up.ts';
import { runWrk } from './wrk.ts';

/** How long and how often is measured. */
export interface Settings {
  readonly rounds: number;
  /** Length of each closed-loop measurement. */
  readonly seconds: number;
  /** Length of the closed loop before each of them, which is not counted. */
  readonly warmupSeconds: number;
  readonly connections: number;
  readonly latencyRateRps: number;
  readonly latencyMs: number;
  readonly latencyWarmupMs: number;
  /** How often a sidecar is started to time it. */
  readonly starts: number;
  /** The core of the peer that is measured. */
  readonly proxyCore: number;
  /** The core of load and upstream. */
  readonly restCore: number;
}

/** One closed-loop measurement. */
export interface ThroughputSample {
  readonly peer: string;
  readonly round: number;
  readonly body: BodyName;
  readonly requests: number;
  readonly errors: number;
  readonly durationMs: number;
  /** Processor time of the peer. */
  readonly cpuMs: number;
  /** Processor time of the upstream. */
  readonly upstreamCpuMs: number;
}

/** One open-loop measurement. */
export interface LatencySample {
  readonly peer: string;
  readonly round: number;
  readonly requests: number;
  readonly errors: number;
  readonly late: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Memory of a peer, before it served anything or after a round. */
export interface MemorySample extends Memory {
  readonly peer: string;
  readonly state: 'idle' | 'loaded';
}

/** All that was measured. */
export interface Samples {
  readonly throughput: readonly ThroughputSample[];
  readonly latency: readonly LatencySample[];
  readonly memory: readonly MemorySample[];
  readonly starts: readonly StartSample[];
}

/** A peer and where it runs. */
export interface Subject {
  readonly peer: Peer;
  readonly running: RunningPeer;
}

const BODIES = Object.keys(BODY_BYTES) as readonly BodyName[];
const CHECK_TIMEOUT_MS = 5000;

async function classAtUpstream({ running }: Subject, priority: string, signal: AbortSignal): Promise<string> {
  const { host, port } = running.address;
  const { request } = await import('undici');
  const { body } = await request(`http://${host}:${port}${ECHO_PATH}`, {
    headers: { host: SERVICE, priority },
    signal: AbortSignal.any([signal, AbortSignal.timeout(CHECK_TIMEOUT_MS)]),
  });
  return body.text();
}

/**
 * Asks the upstream which class reached it, so that no peer is measured that leaves out the work.
 * @throws PriomeshError COMMAND_FAILED
 */
async function checkHeaderWork(subject: Subject, signal: AbortSignal): Promise<void> {
  const { classifies, stamps, name } = subject.peer;
  if (!stamps) return;
  const expected: readonly (readonly [string, string])[] = [
    ['u=1', 'interactive'],
    ...(classifies ? ([['u=6', 'batch']] as const) : []),
  ];
  for (const [priority, requestClass] of expected) {
    const seen = await classAtUpstream(subject, priority, signal);
    if (seen !== classValue(requestClass)) {
      const message = `${name}: a request with priority ${priority} reached the upstream with ${CLASS_HEADER} "${seen}"`;
      throw new PriomeshError('COMMAND_FAILED', message);
    }
  }
}

/** What the rounds act through. */
export interface RoundContext {
  readonly processes: ProcessGroup;
  readonly folder: string;
  readonly upstreamPids: readonly number[];
  readonly settings: Settings;
  readonly progress: (text: string) => void;
}

async function measureThroughput(
  context: RoundContext,
  { peer, running }: Subject,
  round: number,
  body: BodyName,
): Promise<ThroughputSample> {
  const { processes, upstreamPids, settings } = context;
  const { connections, restCore, seconds, warmupSeconds } = settings;
  const loop = { target: running.address, body, connections, core: restCore };
  await runWrk(processes, { ...loop, seconds: warmupSeconds });
  const before = { own: await cpuMs(running.pids), upstream: await cpuMs(upstreamPids) };
  const result = await runWrk(processes, { ...loop, seconds });
  return {
    peer: peer.name,
    round,
    body,
    ...result,
    cpuMs: (await cpuMs(running.pids)) - before.own,
    upstreamCpuMs: (await cpuMs(upstreamPids)) - before.upstream,
  };
}

/**
 * Measures every subject in every round, one after the other, so that a drift of the machine meets all alike.
 * @throws PriomeshError COMMAND_FAILED when a peer does not do the header work, or a program fails
 */
export async function measureRounds(
  context: RoundContext,
  subjects: readonly Subject[],
): Promise<Omit<Samples, 'starts'>> {
  const { processes, folder, settings, progress } = context;
  const throughput: ThroughputSample[] = [];
  const latency: LatencySample[] = [];
  const memory: MemorySample[] = [];
  const sampleMemory = async (state: MemorySample['state']): Promise<void> => {
    for (const { peer, running } of subjects) {
      if (running.pids.length === 0) continue;
      memory.push({ peer: peer.name, state, ...(await memoryOf(running.pids)) });
    }
  };
  // At rest means before the first request; so the check comes after it.
  await sampleMemory('idle');
  for (const subject of subjects) await checkHeaderWork(subject, processes.signal);
  const startedMs = systemClock.nowMs();
  for (let round = 1; round <= settings.rounds; round += 1) {
    for (const body of BODIES) {
      for (const subject of subjects) {
        const seconds = Math.round((systemClock.nowMs() - startedMs) / 1000);
        progress(`${seconds} s: round ${round} of ${settings.rounds}, ${body} bodies, ${subject.peer.name}`);
        throughput.push(await measureThroughput(context, subject, round, body));
      }
    }
    for (const { peer, running } of subjects) {
      progress(`round ${round} of ${settings.rounds}, latency, ${peer.name}`);
      const result = await runOpenLoop(processes, folder, {
        target: running.address,
        rateRps: settings.latencyRateRps,
        warmupMs: settings.latencyWarmupMs,
        measureMs: settings.latencyMs,
        // The same arrivals for every subject of a round.
        seed: round,
        core: settings.restCore,
      });
      latency.push({ peer: peer.name, round, ...result });
    }
    await sampleMemory('loaded');
  }
  return { throughput, latency, memory };
}
