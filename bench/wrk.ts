import type { Address } from '../src/config/index.ts';
import { PriomeshError } from '../src/core/index.ts';
import { type BodyName, pathOf, REQUEST_HEADERS, SERVICE } from './load.ts';
import type { ProcessGroup } from './processes.ts';
import { findTool } from './programs.ts';

/** What wrk says of one run. */
export interface WrkResult {
  readonly requests: number;
  readonly durationMs: number;
  /** Responses that are neither 2xx nor 3xx, and requests that failed on their socket. */
  readonly errors: number;
}

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Parses what wrk prints. @throws PriomeshError COMMAND_FAILED when it is something else */
export function parseWrk(text: string): WrkResult {
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

/** A closed loop: as many requests as `connections` keep-alive connections carry. */
export interface ClosedLoop {
  readonly target: Address;
  readonly body: BodyName;
  readonly connections: number;
  /** Whole seconds, as wrk wants. */
  readonly seconds: number;
  readonly core: number;
}

const SPARE_MS = 15_000;

/** Runs wrk with one thread. */
export async function runWrk(processes: ProcessGroup, loop: ClosedLoop): Promise<WrkResult> {
  const { target, body, connections, seconds, core } = loop;
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
