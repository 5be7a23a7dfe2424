import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Where the parts of a run stand inside its results folder. */
export interface ResultsFolder {
  readonly root: string;
  readonly journal: string;
  readonly manifest: string;
  trial(index: number, arm: string, block: number, attempt: number): string;
}

/** Names the parts of a results folder; creates nothing. */
export function resultsFolder(root: string): ResultsFolder {
  return {
    root,
    journal: path.join(root, 'journal.jsonl'),
    manifest: path.join(root, 'manifest.json'),
    trial: (index, arm, block, attempt) => {
      const again = attempt === 0 ? '' : `-again${attempt}`;
      return path.join('trials', `${String(index).padStart(3, '0')}-${arm}-${block}${again}`);
    },
  };
}

/** Creates a trial's folder with its subfolders. */
export async function makeTrialFolder(folder: string): Promise<void> {
  await mkdir(path.join(folder, 'logs'), { recursive: true });
  await mkdir(path.join(folder, 'config'), { recursive: true });
}

/** Writes a JSON file so that a reader sees the old or the new content, never half of it. */
export async function writeJson(file: string, value: unknown): Promise<void> {
  const scratch = `${file}.part`;
  await writeFile(scratch, `${JSON.stringify(value, null, 2)}\n`);
  const handle = await open(scratch, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(scratch, file);
}

/** SHA-256 of every file below the folder, by relative path, sorted; the named files are left out. */
export async function checksums(root: string, leftOut: readonly string[]): Promise<Record<string, string>> {
  const sums: Record<string, string> = {};
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .filter((file) => !leftOut.includes(file))
    .sort();
  for (const file of files) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(path.join(root, file)), hash);
    sums[file] = hash.digest('hex');
  }
  return sums;
}
