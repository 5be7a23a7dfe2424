import type { Command } from 'commander';
import type { ExitName } from '../core/index.ts';
import type { CliContext } from './context.ts';

/** One verb of the command line, in a file of its own under `verbs/`. */
export interface Verb {
  /** Declares arguments and options on the verb's command. */
  configure(command: Command, context: CliContext, finish: Finish): void;
}

/** How a verb reports its exit status when it ends without an error. */
export type Finish = (exit: ExitName) => void;

/** A verb as the list knows it: its code is loaded only when it is called. */
export interface VerbEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Verb>;
}
