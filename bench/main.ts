import { writeFile } from 'node:fs/promises';
import { EXIT_CODES, messageOf, PriomeshError } from '../src/core/index.ts';
import { compare } from './compare.ts';
import { parseOptions, USAGE } from './options.ts';
import { formatTables } from './table.ts';

async function main(signal: AbortSignal): Promise<void> {
  const { help, jsonFile, settings } = parseOptions(process.argv.slice(2));
  if (help) {
    process.stdout.write(USAGE);
    return;
  }
  const result = await compare(settings, signal, (text) => process.stderr.write(`${text}\n`));
  process.stdout.write(
    formatTables(result.rows, Object.keys(result.peers), settings, result.machine, result.loadAverages),
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
