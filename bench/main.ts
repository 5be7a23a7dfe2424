import { writeFile } from 'node:fs/promises';
import { EXIT_CODES, messageOf, PriomeshError } from '../src/core/index.ts';
import { compareAmqp, formatAmqpTables } from './amqp.ts';
import { drawChart } from './chart.ts';
import { compare, formatComparison } from './compare.ts';
import { formatPlaneTables, measureControlPlane } from './control-plane.ts';
import { formatEndurance, measureEndurance } from './endurance.ts';
import { type Mode, parseOptions, USAGE } from './options.ts';
import type { Settings } from './settings.ts';

/** A run: what came out, for machines and for people, and its drawing where it has one. */
interface Outcome {
  readonly result: object;
  readonly text: string;
  readonly chart?: () => Promise<string>;
}

type Run = (settings: Settings, signal: AbortSignal, progress: (text: string) => void) => Promise<Outcome>;

function run<Result extends object>(
  measure: (settings: Settings, signal: AbortSignal, progress: (text: string) => void) => Promise<Result>,
  format: (result: Result) => string,
  draw?: (result: Result) => Promise<string>,
): Run {
  return async (settings, signal, progress) => {
    const result = await measure(settings, signal, progress);
    const chart = draw === undefined ? {} : { chart: () => draw(result) };
    return { result, text: format(result), ...chart };
  };
}

const RUNS: Readonly<Record<Mode, Run>> = {
  compare: run(compare, formatComparison, drawChart),
  endurance: run(measureEndurance, formatEndurance),
  amqp: run(compareAmqp, formatAmqpTables),
  'control-plane': run(measureControlPlane, formatPlaneTables),
};

async function main(signal: AbortSignal): Promise<void> {
  const { help, mode, jsonFile, chartFile, settings } = parseOptions(process.argv.slice(2));
  if (help) {
    process.stdout.write(USAGE);
    return;
  }
  const progress = (text: string): boolean => process.stderr.write(`${text}\n`);
  const { result, text, chart } = await RUNS[mode](settings, signal, progress);
  process.stdout.write(text);
  if (jsonFile !== undefined) await writeFile(jsonFile, `${JSON.stringify(result, null, 2)}\n`);
  if (chartFile !== undefined && chart !== undefined) await writeFile(chartFile, await chart());
}

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
process.once('SIGTERM', () => interrupted.abort());
try {
  await main(interrupted.signal);
  process.exitCode = EXIT_CODES.ok;
} catch (error) {
  const known = error instanceof PriomeshError;
  process.stderr.write(`${known ? error.format() : messageOf(error)}\n`);
  process.exitCode = known ? EXIT_CODES[error.exit] : EXIT_CODES.internal;
}
