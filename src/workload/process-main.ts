import { EXIT_CODES, messageOf, PriomeshError } from '../core/index.ts';

/** What a process of a trial reports: one JSON object a line on standard output. */
export type ProcessEvent = Readonly<{ event: string } & Record<string, unknown>>;

/** What the body of a process is given. */
export interface ProcessPort {
  /** The arguments after the script's name. */
  readonly argv: readonly string[];
  /** Aborts on SIGTERM or SIGINT. */
  readonly signal: AbortSignal;
  emit(event: ProcessEvent): void;
}

/**
 * Runs the body of a process of a trial and ends the process: status 0 when the body returned or was stopped by SIGTERM
 * or SIGINT, else the status of the error's code. Errors are written to standard error.
 */
export async function runProcess(body: (port: ProcessPort) => Promise<void>): Promise<never> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // Nobody reads what we measure any more: staying alive would leave an orphan.
  process.stdout.on('error', () => process.exit(EXIT_CODES.internal));
  const emit = (event: ProcessEvent) => {
    process.stdout.write(`${JSON.stringify(event)}\n`);
  };
  try {
    await body({ argv: process.argv.slice(2), signal: controller.signal, emit });
    process.exit(EXIT_CODES.ok);
  } catch (error) {
    if (controller.signal.aborted && error instanceof PriomeshError && error.code === 'ABORTED') {
      process.exit(EXIT_CODES.ok);
    }
    const known = error instanceof PriomeshError;
    const text = known
      ? error.format()
      : `INTERNAL: ${error instanceof Error ? error.stack : messageOf(error)}`;
    process.stderr.write(`${text}\n`);
    process.exit(EXIT_CODES[known ? error.exit : 'internal']);
  }
}
