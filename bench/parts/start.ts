import net from 'node:net';
import { systemClock } from '../../src/core/index.ts';
import { EVERYTHING, type Peer, peersOf, startInbound } from '../peers/index.ts';
import { freePort } from '../ports.ts';
import { HOST, pathOf, SERVICE } from '../scene.ts';
import { wanted } from '../settings.ts';
import type { Figure } from '../summary.ts';
import type { PartContext, PartResult, Skip } from './part.ts';
import { reasonOf, startPeer } from './subjects.ts';

const CASE = 'start';
const POLL_MS = 1;
const SERVING_TIMEOUT_MS = 15_000;

/** Resolves with whether a request was answered with 200 now. */
function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = net.connect(port, HOST);
  let text = '';
  socket
    .on('connect', () => {
      socket.write(`GET ${pathOf('small')} HTTP/1.1\r\nHost: ${SERVICE}\r\n\r\n`);
    })
    .on('data', (piece) => {
      text += piece.toString('latin1');
      if (!text.includes('\r\n')) return;
      resolve(text.startsWith('HTTP/1.1 200'));
      socket.destroy();
    })
    .on('error', () => resolve(false))
    .on('close', () => resolve(false));
  return promise;
}

async function firstAnswer(port: number, signal: AbortSignal): Promise<number> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(SERVING_TIMEOUT_MS)]);
  while (!(await answers(port))) await systemClock.sleep(POLL_MS, deadline);
  return systemClock.nowMs();
}

/** The sidecar, run from the sources instead of from the bundle. */
const fromSources: Peer = {
  name: 'sidecar-sources',
  title: 'the sidecar, run from the sources',
  wires: ['http1'],
  classifies: true,
  stamps: true,
  start: (context) => startInbound(context, 'sidecar-sources', { ...EVERYTHING, fromSources: true }),
};

/** From the start of a process to its first answer, of all programs in the same way: asked every millisecond. */
export async function measureStart(context: PartContext): Promise<PartResult> {
  const { settings, progress, processes } = context;
  const skipped: Skip[] = [];
  let peers: Peer[] = [
    ...peersOf('start').filter(({ wires }) => wires.includes('http1')),
    fromSources,
  ].filter(({ name }) => wanted(settings, name));
  const names = peers.map(({ name }) => name);
  const figures: Figure[] = [];
  // The first one is not counted: it fills caches.
  for (let round = 0; round <= settings.starts; round += 1) {
    if (round > 0) progress(`start ${round} of ${settings.starts}`);
    for (const peer of peers) {
      try {
        const port = await freePort();
        const [running, answeredMs] = await Promise.all([
          startPeer(context, peer, 'http1', { port }),
          firstAnswer(port, processes.signal),
        ]);
        const value = answeredMs - (running.spawnedMs ?? 0);
        await running.end();
        if (round > 0) figures.push({ case: CASE, measure: 'startMs', peer: peer.name, round, value });
      } catch (error) {
        skipped.push({ part: 'start', what: 'start', row: peer.name, reason: reasonOf(error) });
        peers = peers.filter((one) => one !== peer);
      }
    }
  }
  const title = `from the start of the process to its first answer, ${settings.starts} starts each`;
  const columns = [{ title: 'ms', measure: 'startMs', digits: 1, spread: true }];
  return { figures, skipped, tables: [{ title, case: CASE, peers: names, columns }] };
}
