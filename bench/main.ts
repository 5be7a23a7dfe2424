import { writeFile } from 'node:fs/promises';
import { EXIT_CODES, messageOf, PriomeshError } from '../src/core/index.ts';
import { type AmqpBenchResult, compareAmqp, formatAmqpTables } from './amqp.ts';
import { type BenchResult, compare } from './compare.ts';
import { formatPlaneTables, measureControlPlane, type PlaneBenchResult } from './control-plane.ts';
import { parseOptions, USAGE } from './options.ts';
import { formatTables } from './table.ts';

type Result = BenchResult | AmqpBenchResult | PlaneBenchResult;

function tablesOf(result: Result): string {
  if (result.schema === 'priomesh/bench-amqp/v1') return formatAmqpTables(result);
  if (result.schema === 'priomesh/bench-control-plane/v1') return formatPlaneTables(result);
  return formatTables(
    result.rows,
    Object.keys(result.peers),
    result.settings,
    result.machine,
    result.loadAverages,
  );
}

async function main(signal: AbortSignal): Promise<void> {
  const { help, amqp, controlPlane, jsonFile, settings } = parseOptions(process.argv.slice(2));
  if (help) {
    process.stdout.write(USAGE);
    return;
  }
  const progress = (text: string): boolean => process.stderr.write(`${text}\n`);
  const measure = amqp ? compareAmqp : controlPlane ? measureControlPlane : compare;
  const result: Result = await measure(settings, signal, progress);
  process.stdout.write(tablesOf(result));
  if (jsonFile !== undefined) await writeFile(jsonFile, `${JSON.stringify(result, null, 2)}\n`);
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
