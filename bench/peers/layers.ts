import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { freePort } from '../ports.ts';
import { HOST } from '../scene.ts';
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

/** The row `sidecar` with something more. */
function operated(name: string, title: string, more: (folder: string) => object): Peer {
  return {
    ...variant(name, title, EVERYTHING),
    start: (context) => startInbound(context, name, { ...EVERYTHING, more: more(context.folder) }),
  };
}

/** A collector that takes every span and does nothing with it, in this process. */
const exporting: Peer = {
  ...variant('traces', 'the row `mark` and spans of one request in a hundred', EVERYTHING),
  async start(context) {
    const collector = http.createServer((request, response) => {
      request.resume().on('end', () => response.setHeader('content-type', 'application/json').end('{}'));
    });
    const port = await freePort();
    await once(collector.listen(port, HOST), 'listening');
    const close = (): void => {
      collector.close();
      collector.closeAllConnections();
    };
    const more = { traces: { endpoint: `http://${HOST}:${port}/v1/traces`, sampleRatio: 0.01 } };
    try {
      const running = await startInbound(context, 'traces', { ...EVERYTHING, more });
      return { ...running, end: () => running.end().finally(close) };
    } catch (error) {
      close();
      throw error;
    }
  },
};

/** The sidecar with ever more switched on: what each costs is the difference to the row before, and from the tap on to the row `mark`. */
export const LAYER_PEERS: readonly Peer[] = [
  variant('bare', 'no layer, no statistics', { layers: [], statistics: false }),
  variant('statistics', 'no layer; statistics once a second', { layers: [], statistics: true }),
  variant('queue', 'and the request queue', { layers: ['queue'], statistics: true }),
  variant('transport', 'and congestion control by class', {
    layers: ['queue', 'transport'],
    statistics: true,
  }),
  variant('mark', 'and DSCP by class: the row `sidecar`', EVERYTHING),
  tapped('tap', 'the row `mark` and a tap that nobody listens to', false),
  tapped('tap-listened', 'the row `mark` and a tap that somebody listens to', true),
  operated(
    'metrics',
    'the row `mark` and the admin API with its metrics, which nobody asks for',
    (folder) => ({
      admin: { socket: path.join(folder, 'admin.sock') },
    }),
  ),
  operated('access-log', 'the row `mark` and a line for each request in a file', (folder) => ({
    accessLog: { file: path.join(folder, 'access.log') },
  })),
  exporting,
];
