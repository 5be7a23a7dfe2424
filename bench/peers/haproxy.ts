import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Wire } from '../loads/index.ts';
import { freePort, waitUntilServing } from '../ports.ts';
import { findTool } from '../programs.ts';
import { CLASS_HEADER, CLASS_OF_PRIORITY, classValue, DEFAULT_CLASS, HOST } from '../scene.ts';
import type { Peer, PeerContext, RunningPeer } from './peer.ts';

const WIRES = ['http1', 'http2', 'grpc', 'tcp'] as const;

/** One thread; reuses every idle connection (`http-reuse always`) and keeps all of them (`pool-max-conn -1`). */
function configuration(port: number, { wire, upstream, connections }: PeerContext, mapFile: string): string {
  const http = wire !== 'tcp';
  const protocol: Readonly<Record<Wire, string>> = {
    http1: '',
    http2: ' proto h2',
    grpc: ' proto h2',
    tcp: '',
  };
  const work = `
  http-request set-header ${CLASS_HEADER} %[req.fhdr(priority),map_str(${mapFile},${classValue(DEFAULT_CLASS)})]`;
  return `global
  nbthread 1
  no strict-limits
  maxconn ${connections}
defaults
  mode ${http ? 'http' : 'tcp'}
  timeout connect 5s
  timeout client 60s
  timeout server 60s${http ? '\n  timeout http-keep-alive 60s\n  http-reuse always' : ''}
frontend in
  bind ${HOST}:${port}${protocol[wire]}${http ? work : ''}
  default_backend application
backend application
  server application ${HOST}:${upstream.port}${protocol[wire]}${http ? ' pool-max-conn -1' : ''}
`;
}

async function start(context: PeerContext, name: string): Promise<RunningPeer> {
  const { processes, folder, core } = context;
  const program = await findTool('haproxy');
  const port = context.port ?? (await freePort());
  const mapFile = path.join(folder, `${name}.map`);
  const file = path.join(folder, `${name}.cfg`);
  const lines = Object.entries(CLASS_OF_PRIORITY).map(([value, of]) => `${value} ${classValue(of)}\n`);
  await writeFile(mapFile, lines.join(''));
  await writeFile(file, configuration(port, context, mapFile));
  const child = processes.spawn(name, [program, '-db', '-f', file], { core });
  await waitUntilServing(port, child, processes.signal);
  const { pid, spawnedMs } = child;
  return { address: { host: HOST, port }, pids: [pid], spawnedMs, end: () => child.end() };
}

/** HAProxy: reads the priority, maps it, replaces the header that carries the class; over TCP it reads nothing. */
export const haproxy: Peer = {
  name: 'haproxy',
  title: 'HAProxy, one thread',
  wires: WIRES,
  classifies: true,
  stamps: true,
  start: (context) => start(context, 'haproxy'),
};

/** HAProxy behind HAProxy, on one core, each doing what the one in {@link haproxy} does. */
export const haproxyChain: Peer = {
  name: 'haproxy-chain',
  title: 'HAProxy to HAProxy, both on one core',
  wires: WIRES,
  classifies: true,
  stamps: true,
  async start(context) {
    const second = await start(context, 'haproxy-second');
    const first = await start({ ...context, upstream: second.address }, 'haproxy-first');
    return {
      address: first.address,
      pids: [...first.pids, ...second.pids],
      async end() {
        await first.end();
        await second.end();
      },
    };
  },
};
