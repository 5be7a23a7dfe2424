import type { Clock, Logger, ProgramName } from '../core/index.ts';
import type { Screen, ScreenEvents } from './screen.ts';

/** What a verb sees of the world; tests hand in their own. */
export interface CliContext {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Whether standard error is a terminal: progress is redrawn in place there, and printed as plain lines elsewhere. */
  readonly terminal: boolean;
  readonly columns: number;
  /** Whether standard output is a terminal that wants colours. */
  readonly colour: boolean;
  /** Takes the whole terminal; absent where standard output is none. */
  readonly openScreen?: (events: ScreenEvents) => Promise<Screen>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Goes on as another program in this process's place (execve(2)), and never returns; absent where that must not be. */
  readonly become?: (program: ProgramName, args: readonly string[]) => Promise<void>;
  /** Fires on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}
