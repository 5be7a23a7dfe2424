import { PriomeshError } from '../../src/core/index.ts';
import type { ProcessGroup } from '../processes.ts';
import { findTool } from '../programs.ts';
import { type BodyName, pathOf, REQUEST_HEADERS, SERVICE } from '../scene.ts';
import type { LoadResult, Pull } from './load.ts';

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Parses what wrk prints. @throws PriomeshError COMMAND_FAILED when it is something else */
export function parseWrk(text: string): LoadResult {
  const summary = /^\s*(\d+) requests in ([\d.]+)(us|ms|s|m|h),/m.exec(text);
  if (summary === null) {
    throw new PriomeshError('COMMAND_FAILED', `wrk printed no summary: ${text.trim().slice(0, 500)}`);
  }
  const [, requests, duration, unit = 's'] = summary;
  const sockets =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  const statuses = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.slice(1) ?? [];
  return {
    requests: Number(requests),
    durationMs: Number(duration) * (UNIT_MS[unit] ?? Number.NaN),
    errors: [...sockets, ...statuses].reduce((sum, count) => sum + Number(count), 0),
  };
}

const SPARE_MS = 15_000;

/** Runs wrk with one thread: HTTP/1.1 over connections that are kept alive. */
export async function runWrk(processes: ProcessGroup, body: BodyName, pull: Pull): Promise<LoadResult> {
  const { target, connections, seconds, core } = pull;
  const headers = Object.entries({ Host: SERVICE, ...REQUEST_HEADERS });
  const url = `http://${target.host}:${target.port}${pathOf(body)}`;
  const child = processes.spawn(
    'wrk',
    [
      await findTool('wrk'),
      ...['-t', '1', '-c', String(connections), '-d', `${seconds}s`],
      ...headers.flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
      url,
    ],
    { core },
  );
  await child.finished(seconds * 1000 + SPARE_MS, processes.signal);
  return parseWrk(child.stdout);
}
