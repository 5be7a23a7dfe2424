import { parseArgs } from 'node:util';
import { messageOf, PriomeshError } from './errors.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { jsonLogger, type Logger } from './log.ts';

/** What a part of the mesh acts through that has a process of its own. */
export interface DaemonContext {
  readonly stdout: (text: string) => void;
  /** Lines of JSON on standard error. */
  readonly logger: Logger;
  /** Fires on SIGTERM and SIGINT. */
  readonly signal: AbortSignal;
}

async function start(run: (file: string, context: DaemonContext) => Promise<void>): Promise<void> {
  const { values } = parseArgs({
    options: { config: { type: 'string' }, 'exit-with-stdin': { type: 'boolean', default: false } },
  });
  if (values.config === undefined) throw new PriomeshError('USAGE', '--config FILE is missing');
  const ended = new AbortController();
  const end = (): void => ended.abort();
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  if (values['exit-with-stdin'] === true) process.stdin.on('end', end).on('error', end).resume();
  await run(values.config, {
    stdout: (text) => process.stdout.write(text),
    logger: jsonLogger((line) => process.stderr.write(line)),
    signal: ended.signal,
  });
}

/**
 * The whole of a process that serves until it is told to end, and ends the process: status 0, or that of the error. Its arguments are
 * `--config FILE [--exit-with-stdin]`; with the latter it also ends when its standard input does, that is, with its parent.
 */
export async function runDaemon(
  run: (file: string, context: DaemonContext) => Promise<void>,
): Promise<never> {
  try {
    await start(run);
    process.exit(EXIT_CODES.ok);
  } catch (error) {
    const known = error instanceof PriomeshError;
    process.stderr.write(`${known ? error.format() : messageOf(error)}\n`);
    process.exit(known ? EXIT_CODES[error.exit] : EXIT_CODES.internal);
  }
}
