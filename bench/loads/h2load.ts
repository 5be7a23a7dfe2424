import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PriomeshError } from '../../src/core/index.ts';
import type { ProcessGroup } from '../processes.ts';
import { findTool } from '../programs.ts';
import { REQUEST_HEADERS, SERVICE } from '../scene.ts';
import type { LoadResult, Pull } from './load.ts';

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

/**
 * Parses what h2load prints. Requests that were on their way when the time was up count as neither done nor failed.
 * @throws PriomeshError COMMAND_FAILED when it is something else
 */
export function parseH2load(text: string): LoadResult {
  const finished = /^finished in ([\d.]+)(us|ms|s|m), /m.exec(text);
  const requests =
    /^requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/m.exec(
      text,
    );
  if (finished === null || requests === null) {
    throw new PriomeshError('COMMAND_FAILED', `h2load printed no summary: ${text.trim().slice(0, 500)}`);
  }
  const [done = 0, succeeded = 0] = requests.slice(1).map(Number);
  const durationMs = Number(finished[1]) * (UNIT_MS[finished[2] ?? ''] ?? Number.NaN);
  if (succeeded === 0) {
    throw new PriomeshError('COMMAND_FAILED', `h2load had no response with success: ${requests[0]}`);
  }
  return { requests: succeeded, durationMs, errors: done - succeeded };
}

/** What h2load sends over each stream. */
export interface StreamRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Posted when present. */
  readonly body?: Buffer;
}

/** How many streams each connection has at once. */
export const STREAMS = 8;

const SPARE_MS = 15_000;

/** Runs h2load with one thread: HTTP/2 with prior knowledge. */
export async function runH2load(
  processes: ProcessGroup,
  request: StreamRequest,
  pull: Pull,
): Promise<LoadResult> {
  const { target, connections, seconds, core, folder } = pull;
  const headers = { ':authority': SERVICE, ...REQUEST_HEADERS, ...request.headers };
  const post: string[] = [];
  if (request.body !== undefined) {
    const file = path.join(folder, 'h2load-body');
    await writeFile(file, request.body);
    post.push('-d', file);
  }
  const child = processes.spawn(
    'h2load',
    [
      await findTool('h2load'),
      ...['-t', '1', '-c', String(connections), '-m', String(STREAMS), '-D', String(seconds)],
      ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name.toLowerCase()}: ${value}`]),
      ...post,
      `http://${target.host}:${target.port}${request.path}`,
    ],
    { core },
  );
  await child.finished(seconds * 1000 + SPARE_MS, processes.signal);
  return parseH2load(child.stdout);
}
