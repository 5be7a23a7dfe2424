import { appendFile, open, readFile, rm } from 'node:fs/promises';
import { type Exec, messageOf, PriomeshError } from '../core/index.ts';
import type { Argv } from './tc-commands.ts';

/** What the kernel's tools say when an undo has nothing left to do: what it removes is gone, or something already stands where it puts a qdisc back. */
const NOTHING_LEFT =
  /No such file or directory|Cannot find device|Cannot find specified|Parent Qdisc doesn't exists?|Failed to find qdisc|Cannot delete qdisc with handle of zero|Invalid handle|No such device|not found|Exclusivity flag on/i;

/** One line of a journal. `intend` is on disk before the command runs. */
type JournalLine =
  | { readonly event: 'intend'; readonly step: number; readonly command: Argv; readonly undo: Argv }
  | { readonly event: 'refused'; readonly step: number };

/** A record of what was done, from which it can be taken back after a crash. */
export interface Journal {
  /** Resolves when the line is on the disk. */
  write(line: JournalLine): Promise<void>;
  /** Removes the file: nothing is left to take back. */
  finish(): Promise<void>;
}

/** A journal that keeps nothing on disk. */
const memoryJournal: Journal = { async write() {}, async finish() {} };

/** A journal in a file of JSON lines, created here. Rejects with RESULTS_EXIST where the file is there: it is what an earlier run did not take back. */
export async function openJournal(file: string | undefined): Promise<Journal> {
  if (file === undefined) return memoryJournal;
  try {
    const handle = await open(file, 'wx', 0o600);
    await handle.close();
  } catch (error) {
    throw new PriomeshError('RESULTS_EXIST', `the journal ${file} cannot be started: ${messageOf(error)}`, {
      cause: error,
      fix: 'Where it is of an earlier run, recover it first; it says what that run did not take back.',
    });
  }
  return {
    write: (line) => appendFile(file, `${JSON.stringify(line)}\n`, { flush: true }),
    finish: () => rm(file, { force: true }),
  };
}

async function runUndo(exec: Exec, undo: Argv): Promise<string | undefined> {
  try {
    const result = await exec.run(undo);
    if (result.exitCode === 0 || NOTHING_LEFT.test(result.stderr)) return undefined;
    return `\`${undo.join(' ')}\`: ${result.stderr.trim()}`;
  } catch (error) {
    return `\`${undo.join(' ')}\`: ${messageOf(error)}`;
  }
}

/**
 * Runs undos in the order given, and once more those that failed: what somebody else hung into a tree keeps its parts
 * from being removed one by one, but it goes when the tree's root does. Resolves to what failed twice.
 */
export async function runUndos(exec: Exec, undos: readonly Argv[]): Promise<string[]> {
  const again: Argv[] = [];
  for (const undo of undos) {
    if ((await runUndo(exec, undo)) !== undefined) again.push(undo);
  }
  const failures: string[] = [];
  for (const undo of again) {
    const failure = await runUndo(exec, undo);
    if (failure !== undefined) failures.push(failure);
  }
  return failures;
}

function isArgv(value: unknown): value is Argv {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');
}

/** Reads a journal: the undo commands of what was begun, the last first. Undos are safe to repeat, so that those that ran before a crash need no line. A last line that a crash cut off was never acted upon. */
export function pendingUndos(content: string): Argv[] {
  const pending = new Map<number, Argv>();
  const lines = content.split('\n');
  lines.pop();
  for (const line of lines) {
    const entry: unknown = JSON.parse(line);
    if (typeof entry !== 'object' || entry === null || !('event' in entry) || !('step' in entry)) continue;
    const { step } = entry;
    if (typeof step !== 'number') continue;
    if (entry.event === 'intend' && 'undo' in entry && isArgv(entry.undo)) pending.set(step, entry.undo);
    if (entry.event === 'refused') pending.delete(step);
  }
  return [...pending.entries()].sort(([a], [b]) => b - a).map(([, undo]) => undo);
}

/**
 * Takes back what a run that crashed had done, in reverse order, and removes its journal. Resolves to the number of
 * commands run. `exec` must reach the node that the run acted on. Safe to call again; a file that is not there means
 * that nothing is left. Rejects with COMMAND_FAILED, keeping the journal, when something could not be taken back.
 */
export async function recoverJournal(exec: Exec, file: string): Promise<number> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
    throw new PriomeshError('CONFIG_NOT_FOUND', `the journal ${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  let undos: Argv[];
  try {
    undos = pendingUndos(content);
  } catch (error) {
    throw new PriomeshError('CONFIG_SYNTAX', `the journal ${file} is damaged: ${messageOf(error)}`, {
      cause: error,
      fix: 'Take the interface back by hand: `tc qdisc del dev DEVICE root`.',
    });
  }
  const failures = await runUndos(exec, undos);
  if (failures.length > 0) {
    throw new PriomeshError('COMMAND_FAILED', `${file} could not be taken back: ${failures.join('; ')}`);
  }
  await rm(file, { force: true });
  return undos.length;
}
