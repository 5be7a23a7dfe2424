import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { readJournal } from './journal.ts';
import { resultsFolder } from './results-folder.ts';

/** A sidecar of a trial in progress, to which somebody may listen. */
export interface RunTap {
  /** The name of the trial's folder. */
  readonly trial: string;
  /** Its name, such as `sidecar-catalog`. */
  readonly sidecar: string;
  /** The path of its tap's socket. */
  readonly socket: string;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    // Trials and their folders come while a run goes on, and an unfinished one goes when it is run again.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** The socket that a sidecar's configuration names; undefined where it has no tap or is being written just now. */
async function socketIn(file: string): Promise<string | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const tap: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'tap') : undefined;
  const socket: unknown = typeof tap === 'object' && tap !== null ? Reflect.get(tap, 'socket') : undefined;
  return typeof socket === 'string' ? socket : undefined;
}

/** The taps of the trials in a results folder that have not ended: their sidecars may be running, or start soon. */
export async function tapsOfRun(root: string): Promise<readonly RunTap[]> {
  const folder = resultsFolder(root);
  const { trials } = await readJournal(folder.journal);
  const ended = new Set(trials.map((one) => path.basename(one.folder)));
  const taps: RunTap[] = [];
  for (const trial of await namesIn(path.join(root, 'trials'))) {
    if (ended.has(trial)) continue;
    const config = path.join(root, 'trials', trial, 'config');
    for (const name of await namesIn(config)) {
      if (!/^sidecar-.*\.json$/.test(name)) continue;
      const socket = await socketIn(path.join(config, name));
      if (socket !== undefined) {
        taps.push({ trial, sidecar: path.basename(name, '.json'), socket: path.resolve(root, socket) });
      }
    }
  }
  return taps;
}
