import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { PriomeshError, systemClock } from '../src/core/index.ts';
import { describeMachine, type Machine } from './machine.ts';
import { PEERS, startUpstream } from './peers/index.ts';
import { ProcessGroup } from './processes.ts';
import { measureRounds, type Samples, type Settings, type Subject } from './rounds.ts';
import { measureStartUp } from './start-up.ts';
import { type Row, summarizeSamples } from './summary.ts';

/** What a benchmark leaves. */
export interface BenchResult {
  readonly schema: 'priomesh/bench/v1';
  readonly startedAt: string;
  readonly elapsedMs: number;
  readonly machine: Machine;
  /** Over one, five and fifteen minutes, before and after: what else the machine did. */
  readonly loadAverages: readonly (readonly number[])[];
  readonly settings: Settings;
  readonly peers: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
  readonly samples: Samples;
}

/**
 * Compares the sidecar with its peers on this machine.
 * @param progress is told in short lines what is being done
 * @throws PriomeshError PLATFORM_MISSING, COMMAND_FAILED, ABORTED
 */
export async function compare(
  settings: Settings,
  signal: AbortSignal,
  progress: (text: string) => void,
): Promise<BenchResult> {
  if (os.cpus().length < 2) {
    throw new PriomeshError(
      'PLATFORM_MISSING',
      'the benchmark needs two cores, one of them for the proxy alone',
    );
  }
  const startedMs = systemClock.nowMs();
  const startedAt = new Date(systemClock.wallMs()).toISOString();
  const machine = await describeMachine();
  const loadBefore = os.loadavg();
  const processes = await ProcessGroup.open(signal);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'priomesh-bench-'));
  try {
    const upstream = await startUpstream(processes, folder, settings.restCore);
    progress('starting sidecars to time them');
    const starts = await measureStartUp(processes, folder, {
      core: settings.proxyCore,
      application: upstream.address,
      times: settings.starts,
    });
    const subjects: Subject[] = [];
    for (const peer of PEERS) {
      const own = path.join(folder, peer.name);
      await mkdir(own);
      const running = await peer.start({
        processes,
        upstream: upstream.address,
        folder: own,
        core: settings.proxyCore,
      });
      subjects.push({ peer, running });
    }
    const context = { processes, folder, upstreamPids: upstream.pids, settings, progress };
    const samples: Samples = { ...(await measureRounds(context, subjects)), starts };
    return {
      schema: 'priomesh/bench/v1',
      startedAt,
      elapsedMs: systemClock.nowMs() - startedMs,
      machine,
      loadAverages: [loadBefore, os.loadavg()],
      settings,
      peers: Object.fromEntries(PEERS.map(({ name, title }) => [name, title])),
      rows: summarizeSamples(samples),
      samples,
    };
  } finally {
    await processes.close();
    await rm(folder, { recursive: true, force: true });
  }
}
