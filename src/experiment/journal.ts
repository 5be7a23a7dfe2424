import { appendFile, readFile, truncate } from 'node:fs/promises';
import { messageOf, PriomeshError } from '../core/index.ts';

/** Whether a trial may be used, and if not, why. */
export interface Verdict {
  readonly valid: boolean;
  /** One sentence for each check that failed. */
  readonly reasons: readonly string[];
}

/** What the journal keeps of a trial that has ended. */
export interface TrialEntry {
  readonly kind: 'trial';
  readonly index: number;
  readonly block: number;
  readonly arm: string;
  /** From 0; a void trial is repeated with the next number. */
  readonly attempt: number;
  /** The trial's folder, relative to the results folder. */
  readonly folder: string;
  readonly verdict: Verdict;
}

interface PlanEntry {
  readonly kind: 'plan';
  /** Identifies everything that decides the outcome; a folder with another digest holds another run. */
  readonly digest: string;
}

type Entry = TrialEntry | PlanEntry;

/** What a journal says when it is opened. */
export interface JournalState {
  readonly digest: string | undefined;
  readonly trials: readonly TrialEntry[];
}

/**
 * Reads a journal. A last line that was cut off by a crash is left out: the trial it spoke of is run again.
 * Throws RESULTS_INVALID when a line in the middle cannot be read.
 */
export async function readJournal(file: string): Promise<JournalState> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { digest: undefined, trials: [] };
    throw error;
  }
  const lines = text.split('\n');
  const unfinished = lines.pop();
  if (unfinished === undefined) return { digest: undefined, trials: [] };
  let digest: string | undefined;
  const trials: TrialEntry[] = [];
  for (const [index, line] of lines.entries()) {
    let entry: Entry;
    try {
      entry = JSON.parse(line) as Entry;
    } catch (error) {
      throw new PriomeshError(
        'RESULTS_INVALID',
        `${file}: line ${index + 1} cannot be read: ${messageOf(error)}`,
        {
          place: { file, line: index + 1, column: 1 },
        },
      );
    }
    if (entry.kind === 'plan') digest = entry.digest;
    else if (entry.kind === 'trial') trials.push(entry);
  }
  return { digest, trials };
}

/** Takes away a last line that a crash or a full disk cut off, so that the next entry does not grow onto it. */
export async function repairJournal(file: string): Promise<void> {
  const bytes = await readFile(file);
  const whole = bytes.lastIndexOf('\n') + 1;
  if (whole < bytes.length) await truncate(file, whole);
}

/** Appends one entry; a line is written whole by one write. */
export async function appendJournal(file: string, entry: Entry): Promise<void> {
  await appendFile(file, `${JSON.stringify(entry)}\n`, { flush: true });
}
