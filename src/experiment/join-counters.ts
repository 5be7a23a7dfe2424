import { appendFile, readFile, rm } from 'node:fs/promises';
import type { NetworkPath } from '../core/index.ts';

/** A file of JSON lines that a process of a trial wrote. */
export interface CounterSource {
  /** The name under which its lines are kept. */
  readonly name: string;
  readonly file: string;
}

/** The name under which the lines of the bridge are kept. */
const BRIDGE = 'bridge';

/**
 * Brings what sidecars and bridge wrote to files of their own into the trial's one file, on the trial's time scale. Statistics are of the
 * source `sidecar`, what was told of the network and who moved is of the source `network`. The files of the sidecars are removed.
 */
export async function joinCounters(
  sidecars: readonly CounterSource[],
  network: { readonly file: string; readonly paths: readonly NetworkPath[] } | undefined,
  { into, originMs }: { into: string; originMs: number },
): Promise<void> {
  for (const { name, file } of sidecars) {
    const joined = (await linesOf(file)).map((line) => counterLine(line, name, originMs));
    await appendFile(into, joined.join(''));
    await rm(file, { force: true });
  }
  if (network === undefined) return;
  const paths = { event: 'paths', timeMs: originMs, paths: network.paths };
  const joined = [paths, ...(await linesOf(network.file))].map((line) => counterLine(line, BRIDGE, originMs));
  await appendFile(into, joined.join(''));
}

/** What follows the last line end was cut off when the process ended; one that died early wrote nothing. */
async function linesOf(file: string): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(0, -1);
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
}

function counterLine(line: Readonly<Record<string, unknown>>, name: string, originMs: number): string {
  const { timeMs } = line;
  if (typeof timeMs !== 'number') return '';
  const isEvent = name === BRIDGE || (line['event'] !== undefined && line['event'] !== 'statistics');
  // Times between events are compared with tens of milliseconds.
  const tMs = isEvent ? Math.round((timeMs - originMs) * 100) / 100 : Math.round(timeMs - originMs);
  return `${JSON.stringify({ t_ms: tMs, source: isEvent ? 'network' : 'sidecar', name, ...line })}\n`;
}
