import { CommanderError } from 'commander';
import { type ExitName, messageOf, PriomeshError } from '../core/index.ts';
import type { CliContext } from './context.ts';

/** Whether the system refused something about a file: no fault of this program. */
function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return (
    error instanceof Error &&
    'syscall' in error &&
    ('path' in error || NO_ROOM.has(String(Reflect.get(error, 'code'))))
  );
}

/** Errors of a write, which names no path. */
const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

/** Says an error on standard error, as a person reads it, and gives the exit status it leads to. */
export function report(error: unknown, context: CliContext): ExitName {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 'ok' : 'usage';
  if (error instanceof SuppressedError) {
    // What went wrong first counts; what failed while that was being cleaned up is said beside it.
    const exit = report(error.suppressed, context);
    context.stderr(`  and while cleaning up: ${messageOf(error.error)}\n`);
    return exit;
  }
  if (isFileError(error)) {
    return report(new PriomeshError('FILE_FAILED', error.message, { cause: error }), context);
  }
  if (error instanceof PriomeshError) {
    if (error.code === 'ABORTED') {
      context.stderr('priomesh: interrupted; nothing is left running\n');
      return context.signal.reason === 'SIGINT' ? 'interrupted' : 'terminated';
    }
    context.stderr(`priomesh: ${error.format()}\n`);
    return error.exit;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  context.stderr(`priomesh: INTERNAL: ${stack}\n  fix: report this with the lines above\n`);
  return 'internal';
}
