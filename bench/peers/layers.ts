import net from 'node:net';
import path from 'node:path';
import type { Peer } from './peer.ts';
import { startInbound } from './sidecar.ts';
import { EVERYTHING, type SidecarChoice } from './sidecar-process.ts';

function variant(name: string, title: string, choice: SidecarChoice): Peer {
  return {
    name,
    title,
    wires: ['http1'],
    classifies: true,
    stamps: true,
    start: (context) => startInbound(context, name, choice),
  };
}

function tapped(name: string, title: string, isListenedTo: boolean): Peer {
  return {
    ...variant(name, title, EVERYTHING),
    async start(context) {
      const socket = path.join(context.folder, 'tap.sock');
      const running = await startInbound(context, name, { ...EVERYTHING, tap: socket });
      if (!isListenedTo) return running;
      const listener = net.connect({ path: socket });
      // What the tap tells is thrown away, by this process: the row pays for telling, not for reading.
      listener.on('error', () => listener.destroy()).resume();
      return {
        ...running,
        async end() {
          listener.destroy();
          await running.end();
        },
      };
    },
  };
}

/** The sidecar with ever more switched on: what each costs is the difference to the row before. */
export const LAYER_PEERS: readonly Peer[] = [
  variant('bare', 'no layer, no statistics', { layers: [], statistics: false }),
  variant('statistics', 'no layer; statistics once a second', { layers: [], statistics: true }),
  variant('queue', 'and the request queue', { layers: ['queue'], statistics: true }),
  variant('transport', 'and congestion control by class', {
    layers: ['queue', 'transport'],
    statistics: true,
  }),
  variant('mark', 'and DSCP by class: the row `sidecar`', EVERYTHING),
  tapped('tap', 'and a tap that nobody listens to', false),
  tapped('tap-listened', 'and a tap that somebody listens to', true),
];
