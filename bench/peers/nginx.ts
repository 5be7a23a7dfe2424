import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { freePort, waitUntilServing } from '../ports.ts';
import { childrenOf } from '../proc.ts';
import { findNginxModule, findTool } from '../programs.ts';
import { CLASS_HEADER, CLASS_OF_PRIORITY, classValue, DEFAULT_CLASS, HOST } from '../scene.ts';
import type { Peer, PeerContext } from './peer.ts';

/** What every nginx of the benchmark has: one worker, no logs. */
function frame(folder: string, connections: number, modules: readonly string[], rest: string): string {
  // Root's nginx would have a worker that is somebody else, and may not read the benchmark's folder.
  const user = process.getuid?.() === 0 ? 'user root;\n' : '';
  return `${modules.map((file) => `load_module ${file};\n`).join('')}${user}worker_processes 1;
worker_rlimit_nofile ${connections * 2};
daemon off;
pid ${path.join(folder, 'nginx.pid')};
error_log stderr crit;
events { worker_connections ${connections * 2}; }
${rest}
`;
}

/** A configuration whose connections are never closed for their age. */
export function nginxConfiguration(folder: string, connections: number, http: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${path.join(folder, `nginx-${name}`)};`)
    .join('\n');
  return frame(
    folder,
    connections,
    [],
    `http {
${temporary}
  access_log off;
  keepalive_requests 1000000000;
  keepalive_time 1d;
${http}
}`,
  );
}

/** HTTP/2 to the upstream is what `grpc_pass` speaks; it serves requests that are no calls of gRPC just as well. */
function proxy(port: number, { wire, upstream }: PeerContext): string {
  const lines = Object.entries(CLASS_OF_PRIORITY).map(
    ([value, name]) => `    "${value}" "${classValue(name)}";`,
  );
  const http1 = `      proxy_pass http://application;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_set_header ${CLASS_HEADER} $class_header;
      proxy_buffers 8 16k;`;
  const http2 = `      grpc_pass grpc://application;
      grpc_set_header ${CLASS_HEADER} $class_header;
      grpc_buffer_size 16k;`;
  return `  map $http_priority $class_header {
    default "${classValue(DEFAULT_CLASS)}";
${lines.join('\n')}
  }
  upstream application {
    server ${HOST}:${upstream.port};
    keepalive 4096;
    keepalive_requests 1000000000;
    keepalive_time 1d;
  }
  server {
    listen ${HOST}:${port}${wire === 'http1' ? '' : ' http2'};
    location / {
${wire === 'http1' ? http1 : http2}
    }
  }`;
}

function pass(port: number, upstreamPort: number): string {
  return `stream {
  server {
    listen ${HOST}:${port};
    proxy_pass ${HOST}:${upstreamPort};
  }
}`;
}

/** nginx: reads the priority, maps it, replaces the header that carries the class; over TCP it reads nothing. */
export const nginx: Peer = {
  name: 'nginx',
  title: 'nginx, one worker',
  wires: ['http1', 'http2', 'grpc', 'tcp'],
  classifies: true,
  stamps: true,
  async start(context) {
    const { processes, wire, upstream, folder, core, connections } = context;
    const program = await findTool('nginx');
    const port = context.port ?? (await freePort());
    const file = path.join(folder, 'nginx.conf');
    await mkdir(folder, { recursive: true });
    const text =
      wire === 'tcp'
        ? frame(folder, connections, [await findNginxModule('stream')], pass(port, upstream.port))
        : nginxConfiguration(folder, connections, proxy(port, context));
    await writeFile(file, text);
    const child = processes.spawn('nginx', [program, '-p', folder, '-c', file], { core });
    await waitUntilServing(port, child, processes.signal);
    return {
      address: { host: HOST, port },
      pids: [child.pid, ...(await childrenOf(child.pid))],
      spawnedMs: child.spawnedMs,
      end: () => child.end(),
    };
  },
};
