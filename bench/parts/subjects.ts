import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, PriomeshError } from '../../src/core/index.ts';
import { checkPeer } from '../checks.ts';
import type { Wire } from '../loads/index.ts';
import type { Peer, PeerContext, RunningPeer } from '../peers/index.ts';
import { type Settings, wanted } from '../settings.ts';
import type { PartContext, Skip } from './part.ts';

/** A peer and where it runs. */
export interface Subject {
  readonly peer: Peer;
  readonly running: RunningPeer;
}

/** At least so many connections every peer can hold. */
const LEAST_CONNECTIONS = 4096;

/** Why something did not work, in one line. Rethrows what ends the benchmark. */
export function reasonOf(error: unknown): string {
  if (error instanceof PriomeshError && error.code === 'ABORTED') throw error;
  const [line = ''] = messageOf(error).split('\n');
  const fix = error instanceof PriomeshError && error.code === 'PLATFORM_MISSING' ? ` (${error.fix})` : '';
  return `${line.slice(0, 300)}${fix}`;
}

/** Starts one peer for a wire; it serves, but nothing was checked yet. */
export async function startPeer(
  context: PartContext,
  peer: Peer,
  wire: Wire,
  rest: Partial<Pick<PeerContext, 'connections' | 'port' | 'upstream'>> = {},
): Promise<RunningPeer> {
  const { processes, upstreams, folder, settings } = context;
  const own = path.join(folder, `${peer.name}-${wire}`);
  await mkdir(own, { recursive: true });
  return peer.start({
    processes,
    wire,
    upstream: upstreams.address[wire],
    folder: own,
    core: settings.proxyCore,
    connections: LEAST_CONNECTIONS,
    ...rest,
  });
}

/** The wanted rows that can carry a wire. */
export function rowsFor(peers: readonly Peer[], wire: Wire, settings: Settings): Peer[] {
  return peers.filter(({ name, wires }) => wires.includes(wire) && wanted(settings, name));
}

/** Starts and checks peers; those that do not serve, or leave out the work, are named instead, with the reason. */
export async function startSubjects(
  context: PartContext,
  part: string,
  wire: Wire,
  peers: readonly Peer[],
): Promise<{ readonly subjects: Subject[]; readonly skipped: Skip[] }> {
  const subjects: Subject[] = [];
  const skipped: Skip[] = [];
  for (const peer of rowsFor(peers, wire, context.settings)) {
    let running: RunningPeer | undefined;
    try {
      if (wire === 'http2') {
        running = await startPeer(context, peer, wire, { upstream: context.upstreams.http2Echo });
        await checkPeer(peer, wire, running.address, context.processes.signal);
        await running.end();
      }
      running = await startPeer(context, peer, wire);
      const work = wire === 'http2' ? { ...peer, stamps: false } : peer;
      await checkPeer(work, wire, running.address, context.processes.signal);
      subjects.push({ peer, running });
    } catch (error) {
      skipped.push({ part, what: wire, row: peer.name, reason: reasonOf(error) });
      await running?.end();
    }
  }
  return { subjects, skipped };
}
