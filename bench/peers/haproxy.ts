import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CLASS_HEADER, CLASS_OF_PRIORITY, classValue, DEFAULT_CLASS, HOST } from '../load.ts';
import { freePort, waitUntilServing } from '../ports.ts';
import { findTool } from '../programs.ts';
import type { Peer } from './peer.ts';

/** One thread; reuses every idle connection (`http-reuse always`) and keeps all of them (`pool-max-conn -1`). */
function configuration(port: number, upstreamPort: number, mapFile: string): string {
  return `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
  http-reuse always
frontend in
  bind ${HOST}:${port}
  http-request set-header ${CLASS_HEADER} %[req.fhdr(priority),map_str(${mapFile},${classValue(DEFAULT_CLASS)})]
  default_backend application
backend application
  server application ${HOST}:${upstreamPort} pool-max-conn -1
`;
}

/** HAProxy: reads the priority, maps it, replaces the header that carries the class. */
export const haproxy: Peer = {
  name: 'haproxy',
  title: 'HAProxy, one thread',
  classifies: true,
  stamps: true,
  async start({ processes, upstream, folder, core }) {
    const program = await findTool('haproxy');
    const port = await freePort();
    const mapFile = path.join(folder, 'haproxy.map');
    const file = path.join(folder, 'haproxy.cfg');
    const lines = Object.entries(CLASS_OF_PRIORITY).map(([value, name]) => `${value} ${classValue(name)}\n`);
    await writeFile(mapFile, lines.join(''));
    await writeFile(file, configuration(port, upstream.port, mapFile));
    const child = processes.spawn('haproxy', [program, '-db', '-f', file], { core });
    await waitUntilServing(port, child, processes.signal);
    return { address: { host: HOST, port }, pids: [child.pid] };
  },
};
