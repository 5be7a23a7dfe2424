import { writeFile } from 'node:fs/promises';
import { EXIT_CODES, messageOf, PriomeshError } from '../src/core/index.ts';
import { compareAmqp, formatAmqpTables } from './amqp.ts';
import { compare } from './compare.ts';
import { parseOptions, USAGE } from './options.ts';
import { formatTables } from './table.ts';

async function main(signal: AbortSignal): Promise<void> {
  const { help, amqp, jsonFile, settings } = parseOptions(process.argv.slice(2));
  if (help) {
    process.stdout.write(USAGE);
    return;
  }
  const progress = (text: string): boolean => process.stderr.write(`${text}\n`);
  const result = await (amqp ? compareAmqp : compare)(settings, signal, progress);
  process.stdout.write(
    result.schema === 'priomesh/bench-amqp/v1'
      ? formatAmqpTables(result)
      : formatTables(result.rows, Object.keys(result.peers), settings, result.machine, result.loadAverages),
  );
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
