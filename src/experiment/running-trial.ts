import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { readJournal } from './journal.ts';
import type { Manifest } from './manifest.ts';
import { isLocked, resultsFolder } from './results-folder.ts';

/** A trial in progress, as its folder shows it. */
export interface RunningTrial {
  /** The name of its folder. */
  readonly name: string;
  /** The path of its folder. */
  readonly folder: string;
  /** Position in the run, from 0. */
  readonly index: number;
  readonly arm: string;
  readonly block: number;
  readonly attempt: number;
  /** When it began, since the Unix epoch. */
  readonly beganMs: number;
}

/** As {@link resultsFolder} names it. */
const TRIAL = /^(\d+)-(.+)-(\d+)(?:-again(\d+))?$/;

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}

/** The trial of a results folder that has begun and has not ended; undefined between trials. @throws PriomeshError RESULTS_INVALID */
export async function findRunningTrial(root: string): Promise<RunningTrial | undefined> {
  const { trials } = await readJournal(resultsFolder(root).journal);
  const ended = new Set(trials.map((one) => path.basename(one.folder)));
  const begun = (await namesIn(path.join(root, 'trials')))
    .filter((name) => !ended.has(name))
    .flatMap((name) => {
      const [, index, arm = '', block, again] = TRIAL.exec(name) ?? [];
      if (index === undefined) return [];
      return [{ name, index: Number(index), arm, block: Number(block), attempt: Number(again ?? 0) }];
    })
    .sort((a, b) => a.index - b.index || a.attempt - b.attempt)
    .at(-1);
  if (begun === undefined) return undefined;
  const folder = path.join(root, 'trials', begun.name);
  // The first that is made in a trial's folder. It does not change any more, as the folder itself does.
  const made = await stat(path.join(folder, 'logs')).catch(() => undefined);
  return made === undefined ? undefined : { ...begun, folder, beganMs: made.birthtimeMs };
}

/** What a run in progress has written about itself; undefined while its laboratory is being built. */
export async function readRunningManifest(root: string): Promise<Manifest | undefined> {
  try {
    return JSON.parse(await readFile(resultsFolder(root).manifest, 'utf8')) as Manifest;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** How many folders are looked at, the newest first. */
const MAX_LOOKS = 200;

/** The newest results folder below `parent` into which a run is writing now; undefined where there is none. */
export async function findNewestRun(parent: string): Promise<string | undefined> {
  const folders = await Promise.all(
    (await namesIn(parent)).map(async (name) => {
      const folder = path.join(parent, name);
      const about = await stat(folder).catch(() => undefined);
      return about?.isDirectory() === true ? [{ folder, madeMs: about.birthtimeMs }] : [];
    }),
  );
  for (const { folder } of folders
    .flat()
    .sort((a, b) => b.madeMs - a.madeMs)
    .slice(0, MAX_LOOKS)) {
    if (await isLocked(folder)) return folder;
  }
  return undefined;
}
