import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { PriomeshError, systemClock } from '../src/core/index.ts';
import { SIDECAR_MAIN } from '../src/sidecar/index.ts';
import { describeMachine, type Machine } from './machine.ts';
import { measurePart, type PartResult, type Skip } from './parts/index.ts';
import { peersOf } from './peers/index.ts';
import { ProcessGroup } from './processes.ts';
import { meshProgram } from './programs.ts';
import type { Settings } from './settings.ts';
import { type Figure, type Row, summarize } from './summary.ts';
import { formatTables, heading, type TableShape } from './table.ts';
import { startUpstreams } from './upstreams/index.ts';

/** What a benchmark leaves. */
export interface BenchResult {
  readonly schema: 'priomesh/bench/v2';
  readonly startedAt: string;
  readonly elapsedMs: number;
  readonly machine: Machine;
  /** Over one, five and fifteen minutes, before and after: what else the machine did. */
  readonly loadAverages: readonly (readonly number[])[];
  readonly settings: Settings;
  /** Whether the mesh's own processes ran from a bundle, as they do in use, or from the sources, and why. */
  readonly sidecar: Pick<Awaited<ReturnType<typeof meshProgram>>, 'form' | 'why'>;
  /** What each row is. */
  readonly peers: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
  /** What was not measured, and why. */
  readonly skipped: readonly Skip[];
  readonly tables: readonly TableShape[];
  /** Every measured value. */
  readonly figures: readonly Figure[];
}

/** Two cores are needed, one of them for the proxy alone. @throws PriomeshError PLATFORM_MISSING */
export function requireTwoCores(): void {
  if (os.cpus().length >= 2) return;
  throw new PriomeshError(
    'PLATFORM_MISSING',
    'the benchmark needs two cores, one of them for the proxy alone',
  );
}

/**
 * Compares the sidecar with its peers on this machine.
 * @param progress is told in short lines what is being done
 * @throws PriomeshError PLATFORM_MISSING, COMMAND_FAILED, ABORTED
 */
export async function compare(
  settings: Settings,
  signal: AbortSignal,
  progress: (text: string) => void,
): Promise<BenchResult> {
  requireTwoCores();
  const startedMs = systemClock.nowMs();
  const startedAt = new Date(systemClock.wallMs()).toISOString();
  const machine = await describeMachine();
  const loadBefore = os.loadavg();
  const { form, why } = await meshProgram(SIDECAR_MAIN);
  const processes = await ProcessGroup.open(signal);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'priomesh-bench-'));
  try {
    const upstreams = await startUpstreams(processes, folder, settings.restCore);
    const results: PartResult[] = [];
    for (const part of settings.parts) {
      const own = path.join(folder, part);
      await mkdir(own);
      results.push(await measurePart({ processes, upstreams, folder: own, settings, progress }, part));
    }
    const figures = results.flatMap((one) => one.figures);
    return {
      schema: 'priomesh/bench/v2',
      startedAt,
      elapsedMs: systemClock.nowMs() - startedMs,
      machine,
      loadAverages: [loadBefore, os.loadavg()],
      settings,
      sidecar: { form, why },
      peers: Object.fromEntries(
        settings.parts.flatMap((part) => peersOf(part).map(({ name, title }) => [name, title] as const)),
      ),
      rows: summarize(figures),
      skipped: results.flatMap((one) => one.skipped),
      tables: results.flatMap((one) => one.tables),
      figures,
    };
  } finally {
    await processes.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The result as a person reads it. */
export function formatComparison(result: BenchResult): string {
  const { machine, settings, loadAverages, tables, rows, skipped } = result;
  const { form, why } = result.sidecar;
  const sources = form === 'sources' ? [`the sidecar ran from the sources: ${why}`] : [];
  const left = skipped.map(({ part, what, row, reason }) => `${part}, ${what}: ${row}: ${reason}`);
  return `${[
    heading(machine, settings, loadAverages),
    ...sources,
    ...formatTables(tables, rows),
    ...(left.length === 0 ? [] : [['left out', ...left].join('\n')]),
  ].join('\n\n')}\n`;
}
