import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PriomeshError } from '../core/index.ts';

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

/**
 * Creates a folder and those that it lies in. Not `mkdir` with `recursive`, which never ends where the system answers
 * ENOENT although the parent exists, as below /proc.
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    const parent = path.dirname(folder);
    if (code !== 'ENOENT' || parent === folder) throw error;
    await makeFolder(parent);
    await mkdir(folder);
  }
}

/** In the abstract namespace of unix(7), which a NUL begins. */
async function lockName(folder: string): Promise<string> {
  const name = createHash('sha256')
    .update(await realpath(folder))
    .digest('hex');
  return `\0priomesh/results/${name}`;
}

/** Whether a process on this machine has made the folder its own with {@link lockFolder}. */
export async function isLocked(folder: string): Promise<boolean> {
  const socket = connect({ path: await lockName(folder) });
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return false;
    throw error;
  } finally {
    socket.destroy();
  }
}

/**
 * Makes a folder this process's own until it is released, so that two runs never write into one. The lock is a name in the
 * abstract namespace of unix(7): the kernel releases it when the process ends in any way, and no file stays. Rejects with
 * RESULTS_EXIST when another process on this machine has it.
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  const path = await lockName(folder);
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ path });
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new PriomeshError('RESULTS_EXIST', `another run is writing into ${folder} now`, {
      cause: error,
      fix: 'Wait for it, or name another folder with --out.',
    });
  }
  server.unref();
  return {
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
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

/** SHA-256 of every file below the named folders, by path relative to the root, sorted. */
export async function checksums(root: string, folders: readonly string[]): Promise<Record<string, string>> {
  const sums: Record<string, string> = {};
  const entries = await Promise.all(
    folders.map((folder) => readdir(path.join(root, folder), { recursive: true, withFileTypes: true })),
  );
  const files = entries
    .flat()
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort();
  for (const file of files) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(path.join(root, file)), hash);
    sums[file] = hash.digest('hex');
  }
  return sums;
}
