import { parseArgs } from 'node:util';
import { EXIT_CODES, jsonLogger, messageOf, PriomeshError } from '../core/index.ts';
import { runBridge } from './run.ts';

/** `--config FILE [--exit-with-stdin]`: with the latter it also ends when its standard input does, that is, with its parent. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { config: { type: 'string' }, 'exit-with-stdin': { type: 'boolean', default: false } },
  });
  if (values.config === undefined) throw new PriomeshError('USAGE', '--config FILE is missing');
  const ended = new AbortController();
  const end = (): void => ended.abort();
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  if (values['exit-with-stdin'] === true) process.stdin.on('end', end).on('error', end).resume();
  await runBridge(values.config, {
    stdout: (text) => process.stdout.write(text),
    logger: jsonLogger((line) => process.stderr.write(line)),
    signal: ended.signal,
  });
}

try {
  await main();
  process.exit(EXIT_CODES.ok);
} catch (error) {
  const known = error instanceof PriomeshError;
  process.stderr.write(`${known ? error.format() : messageOf(error)}\n`);
  process.exit(known ? EXIT_CODES[error.exit] : EXIT_CODES.internal);
}
