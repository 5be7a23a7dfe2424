import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import type { Address } from '../../src/config/index.ts';
import { PriomeshError, systemClock } from '../../src/core/index.ts';
import { freePort } from '../ports.ts';
import { ECHO_PATH, HOST, SERVICE } from '../scene.ts';
import type { Peer, RunningPeer } from './peer.ts';
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

const PROOF_TIMEOUT_MS = 8000;
const POLL_MS = 50;

/** Something more that is switched on: its configuration, and whether it has been seen to work. */
interface More {
  readonly config: object;
  works(): Promise<boolean>;
  /** Ends what stands on the other side of it. */
  close(): void;
}

/** One request through a sidecar, of a trace that its caller wants to see. */
async function ask({ host, port }: Address): Promise<void> {
  const { request } = await import('undici');
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const { body } = await request(`http://${host}:${port}${ECHO_PATH}`, {
    headers: { host: SERVICE, traceparent },
  });
  await body.dump();
}

/** The row `mark` with something more, which must be seen to work: else what is measured is nothing. */
function operated(name: string, title: string, make: (folder: string) => Promise<More>): Peer {
  return {
    ...variant(name, title, EVERYTHING),
    async start(context) {
      const more = await make(context.folder);
      let running: RunningPeer | undefined;
      try {
        running = await startInbound(context, name, { ...EVERYTHING, more: more.config });
        await ask(running.address);
        const { signal } = context.processes;
        const deadline = systemClock.nowMs() + PROOF_TIMEOUT_MS;
        while (!(await more.works())) {
          if (systemClock.nowMs() > deadline) {
            throw new PriomeshError('COMMAND_FAILED', `${name} was switched on, and did nothing`);
          }
          await systemClock.sleep(POLL_MS, signal);
        }
        const { end } = running;
        return { ...running, end: () => end().finally(() => more.close()) };
      } catch (error) {
        await running?.end();
        more.close();
        throw error;
      }
    },
  };
}

async function metrics(folder: string): Promise<More> {
  const socket = path.join(folder, 'admin.sock');
  const works = (): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const asked = http.get({ socketPath: socket, path: '/metrics' }, (response) => {
      resolve(response.statusCode === 200);
      response.destroy();
    });
    asked.on('error', () => resolve(false));
    return promise;
  };
  return { config: { admin: { socket } }, works, close() {} };
}

async function accessLog(folder: string): Promise<More> {
  const file = path.join(folder, 'access.log');
  const works = async (): Promise<boolean> => {
    try {
      return (await stat(file)).size > 0;
    } catch {
      return false; // Not yet.
    }
  };
  return { config: { accessLog: { file } }, works, close() {} };
}

/** A collector that takes every span and does nothing with it, in this process. */
async function traces(): Promise<More> {
  let received = 0;
  const collector = http.createServer((request, response) => {
    received += 1;
    request.resume().on('end', () => response.setHeader('content-type', 'application/json').end('{}'));
  });
  const port = await freePort();
  await once(collector.listen(port, HOST), 'listening');
  return {
    config: { traces: { endpoint: `http://${HOST}:${port}/v1/traces`, sampleRatio: 0.01 } },
    works: async () => received > 0,
    close() {
      collector.close();
      collector.closeAllConnections();
    },
  };
}

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
  operated('metrics', 'the row `mark` and the admin API with its metrics, which nobody asks for', metrics),
  operated('access-log', 'the row `mark` and a line for each request in a file', accessLog),
  operated('traces', 'the row `mark` and spans of one request in a hundred', traces),
];
