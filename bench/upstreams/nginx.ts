import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Address } from '../../src/config/index.ts';
import { nginxConfiguration } from '../peers/index.ts';
import { freePort, waitUntilServing } from '../ports.ts';
import { childrenOf } from '../proc.ts';
import type { ProcessGroup } from '../processes.ts';
import { findTool } from '../programs.ts';
import { BODY_BYTES, type BodyName, CLASS_HEADER, ECHO_PATH, HOST, pathOf } from '../scene.ts';

/** A token of nginx's configuration is at most this long, so that longer bodies are put together from parts. */
const PART_BYTES = 2048;
/** Bodies from this size on are files that the kernel sends. */
const FILE_BYTES = 100_000;
/** As many as it may get from any peer. */
const CONNECTIONS = 8192;

function location(folder: string, name: BodyName): string {
  const bytes = BODY_BYTES[name];
  if (bytes >= FILE_BYTES) return `    location = ${pathOf(name)} { alias ${path.join(folder, name)}; }`;
  const body = `${'$part'.repeat(Math.floor(bytes / PART_BYTES))}${'x'.repeat(bytes % PART_BYTES)}`;
  return `    location = ${pathOf(name)} { return 200 "${body}"; }`;
}

function server(folder: string, http1Port: number, http2Port: number): string {
  const names = Object.keys(BODY_BYTES) as BodyName[];
  return `  map_hash_bucket_size 4096;
  map $host $part { default "${'x'.repeat(PART_BYTES)}"; }
  sendfile on;
  open_file_cache max=10;
  http2_max_concurrent_streams 1024;
  server {
    listen ${HOST}:${http1Port};
    listen ${HOST}:${http2Port} http2;
    default_type text/plain;
${names.map((name) => location(folder, name)).join('\n')}
    location = ${ECHO_PATH} { return 200 "$http_${CLASS_HEADER}"; }
  }`;
}

/** A server behind every peer. */
export interface NginxUpstream {
  readonly http1: Address;
  /** With prior knowledge. */
  readonly http2: Address;
  readonly pids: readonly number[];
}

/** Starts an nginx that answers from its configuration, and large bodies from files that the kernel holds in memory. */
export async function startNginxUpstream(
  processes: ProcessGroup,
  folder: string,
  core: number,
): Promise<NginxUpstream> {
  const program = await findTool('nginx');
  const [http1Port, http2Port] = [await freePort(), await freePort()];
  const own = path.join(folder, 'upstream');
  await mkdir(own);
  for (const [name, bytes] of Object.entries(BODY_BYTES)) {
    if (bytes >= FILE_BYTES) await writeFile(path.join(own, name), 'x'.repeat(bytes));
  }
  const file = path.join(own, 'nginx.conf');
  await writeFile(file, nginxConfiguration(own, CONNECTIONS, server(own, http1Port, http2Port)));
  const child = processes.spawn('upstream', [program, '-p', own, '-c', file], { core });
  await waitUntilServing(http1Port, child, processes.signal);
  return {
    http1: { host: HOST, port: http1Port },
    http2: { host: HOST, port: http2Port },
    pids: [child.pid, ...(await childrenOf(child.pid))],
  };
}
