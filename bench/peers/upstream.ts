import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Address } from '../../src/config/index.ts';
import { BODY_BYTES, type BodyName, CLASS_HEADER, ECHO_PATH, HOST, pathOf } from '../load.ts';
import { freePort, waitUntilServing } from '../ports.ts';
import { childrenOf } from '../proc.ts';
import type { ProcessGroup } from '../processes.ts';
import { findTool } from '../programs.ts';
import { nginxConfiguration } from './nginx.ts';

/** A token of nginx's configuration is at most this long, so that longer bodies are put together from parts. */
const PART_BYTES = 2048;

function server(port: number): string {
  const full = 'x'.repeat(PART_BYTES);
  const locations = Object.entries(BODY_BYTES).map(([name, bytes]) => {
    const body = `${'$part'.repeat(Math.floor(bytes / PART_BYTES))}${'x'.repeat(bytes % PART_BYTES)}`;
    return `    location = ${pathOf(name as BodyName)} { return 200 "${body}"; }`;
  });
  return `  map_hash_bucket_size 4096;
  map $host $part { default "${full}"; }
  server {
    listen ${HOST}:${port};
    default_type text/plain;
${locations.join('\n')}
    location = ${ECHO_PATH} { return 200 "$http_${CLASS_HEADER}"; }
  }`;
}

/** The server behind every peer. */
interface RunningUpstream {
  readonly address: Address;
  readonly pids: readonly number[];
}

/** Starts the upstream: an nginx that answers from its configuration, so that it touches neither disk nor another process. */
export async function startUpstream(
  processes: ProcessGroup,
  folder: string,
  core: number,
): Promise<RunningUpstream> {
  const program = await findTool('nginx');
  const port = await freePort();
  const own = path.join(folder, 'upstream');
  await mkdir(own);
  const file = path.join(own, 'nginx.conf');
  await writeFile(file, nginxConfiguration(own, server(port)));
  const child = processes.spawn('upstream', [program, '-p', own, '-c', file], { core });
  await waitUntilServing(port, child, processes.signal);
  return { address: { host: HOST, port }, pids: [child.pid, ...(await childrenOf(child.pid))] };
}
