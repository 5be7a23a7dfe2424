import { systemClock } from '../../src/core/index.ts';
import { LOADS } from '../loads/index.ts';
import { peersOf } from '../peers/index.ts';
import { memoryOf } from '../proc.ts';
import type { Figure } from '../summary.ts';
import { memoryFigures } from './figures.ts';
import type { PartContext, PartResult, Skip } from './part.ts';
import { reasonOf, rowsFor, startPeer } from './subjects.ts';
import { memoryTable } from './tables.ts';

const LOAD = 'http1-200';
/** Memory under load is read so long before the load ends. */
const BEFORE_END_MS = 250;

/** Memory of each row, started anew in each round: before the first request, and while it serves. */
export async function measureMemory(context: PartContext): Promise<PartResult> {
  const { settings, progress, processes, folder } = context;
  const { quick, seconds, connections, restCore } = settings;
  const rounds = quick ? 1 : settings.rounds;
  const load = LOADS.find(({ name }) => name === LOAD);
  const figures: Figure[] = [];
  const skipped: Skip[] = [];
  let peers = rowsFor(peersOf('memory'), 'http1', settings);
  const names = peers.map(({ name }) => name);
  const idle = 'memory: before the first request';
  const loaded = (count: number): string => `memory: ${LOAD}, ${count} connections`;
  for (let round = 1; round <= rounds; round += 1) {
    progress(`round ${round} of ${rounds}, memory`);
    for (const peer of peers) {
      const occasion = { peer: peer.name, round };
      try {
        const running = await startPeer(context, peer, 'http1');
        try {
          figures.push(...memoryFigures({ case: idle, ...occasion }, await memoryOf(running.pids)));
          for (const count of connections) {
            const pull = { target: running.address, connections: count, seconds, core: restCore, folder };
            const serving = load?.run(processes, pull);
            await systemClock.sleep(seconds * 1000 - BEFORE_END_MS, processes.signal);
            figures.push(
              ...memoryFigures({ case: loaded(count), ...occasion }, await memoryOf(running.pids)),
            );
            await serving;
          }
        } finally {
          await running.end();
        }
      } catch (error) {
        skipped.push({ part: 'memory', what: LOAD, row: peer.name, reason: reasonOf(error) });
        peers = peers.filter((one) => one !== peer);
      }
    }
  }
  return {
    figures,
    skipped,
    tables: [
      memoryTable('memory of all processes of a row before the first request', idle, names),
      ...connections.map((count) =>
        memoryTable(`memory while it serves ${LOAD} over ${count} connections`, loaded(count), names),
      ),
    ],
  };
}
