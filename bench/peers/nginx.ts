import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CLASS_HEADER, CLASS_OF_PRIORITY, classValue, DEFAULT_CLASS, HOST } from '../load.ts';
import { freePort, waitUntilServing } from '../ports.ts';
import { childrenOf } from '../proc.ts';
import { findTool } from '../programs.ts';
import type { Peer } from './peer.ts';

/** What every nginx of the benchmark has: one worker, no logs, connections that are never closed for their age. */
export function nginxConfiguration(folder: string, http: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${path.join(folder, `nginx-${name}`)};`)
    .join('\n');
  return `worker_processes 1;
daemon off;
pid ${path.join(folder, 'nginx.pid')};
error_log stderr crit;
events { worker_connections 4096; }
http {
${temporary}
  access_log off;
  keepalive_requests 1000000000;
  keepalive_time 1d;
${http}
}
`;
}

function proxy(port: number, upstreamPort: number): string {
  const lines = Object.entries(CLASS_OF_PRIORITY).map(
    ([value, name]) => `    "${value}" "${classValue(name)}";`,
  );
  return `  map $http_priority $class_header {
    default "${classValue(DEFAULT_CLASS)}";
${lines.join('\n')}
  }
  upstream application {
    server ${HOST}:${upstreamPort};
    keepalive 4096;
    keepalive_requests 1000000000;
    keepalive_time 1d;
  }
  server {
    listen ${HOST}:${port};
    location / {
      proxy_pass http://application;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_set_header ${CLASS_HEADER} $class_header;
      proxy_buffers 8 16k;
    }
  }`;
}

/** nginx: reads the priority, maps it, replaces the header that carries the class. */
export const nginx: Peer = {
  name: 'nginx',
  title: 'nginx, one worker',
  classifies: true,
  stamps: true,
  async start({ processes, upstream, folder, core }) {
    const program = await findTool('nginx');
    const port = await freePort();
    const own = path.join(folder, 'nginx');
    await mkdir(own);
    const file = path.join(own, 'nginx.conf');
    await writeFile(file, nginxConfiguration(own, proxy(port, upstream.port)));
    const child = processes.spawn('nginx', [program, '-p', own, '-c', file], { core });
    await waitUntilServing(port, child, processes.signal);
    return { address: { host: HOST, port }, pids: [child.pid, ...(await childrenOf(child.pid))] };
  },
};
