import { stat } from 'node:fs/promises';
import path from 'node:path';
import { type Clock, PriomeshError } from '../core/index.ts';
import type { TapLine } from '../sidecar/index.ts';

/** What following acts through. */
export interface Following {
  readonly clock: Clock;
  /** Ends it, without an error. */
  readonly signal: AbortSignal;
  /** Takes each line of each stream, the first line of each stream included. */
  readonly line: (line: TapLine) => void;
  /** Is told in words what begins and ends. */
  readonly note: (text: string) => void;
}

/** How often a run is looked at for sidecars that have started. */
const LOOK_MS = 100;

/** Follows one tap to its end. @throws PriomeshError TAP_FAILED */
async function followSocket(socket: string, following: Following): Promise<void> {
  const { readTap } = await import('../sidecar/index.ts');
  const { hello, lines, close } = await readTap(socket, following);
  try {
    following.line(hello);
    following.note(`listening to the sidecar of ${hello.service}`);
    for await (const line of lines) following.line(line);
  } finally {
    close();
  }
  if (!following.signal.aborted) following.note(`the sidecar of ${hello.service} has ended the stream`);
}

/** Follows every sidecar of a run, from trial to trial, until the run ends. @throws PriomeshError TAP_FAILED */
async function followRun(folder: string, following: Following): Promise<void> {
  const { isLocked, tapsOfRun } = await import('../experiment/index.ts');
  const { isPassing } = await import('../sidecar/index.ts');
  const failure = new AbortController();
  const signal = AbortSignal.any([following.signal, failure.signal]);
  const open = new Map<string, Promise<void>>();
  const note = (trial: string) => (text: string) => following.note(`${trial}: ${text}`);
  if (!(await isLocked(folder))) {
    throw new PriomeshError('TAP_FAILED', `${folder}: no run is writing into this folder now`, {
      fix: 'Name the results folder of a run in progress, a sidecar configuration, or a socket.',
    });
  }
  try {
    while (!signal.aborted && (await isLocked(folder))) {
      for (const { trial, socket } of await tapsOfRun(folder)) {
        if (open.has(socket)) continue;
        const followed = followSocket(socket, { ...following, signal, note: note(trial) })
          .catch((error: unknown) => {
            // The next look will tell.
            if (!isPassing(error)) failure.abort(error);
          })
          .finally(() => open.delete(socket));
        open.set(socket, followed);
      }
      await following.clock.sleep(LOOK_MS, signal).catch(() => undefined);
    }
    if (!signal.aborted) following.note('the run has ended');
  } finally {
    await Promise.all(open.values());
  }
  if (!following.signal.aborted && failure.signal.aborted) throw failure.signal.reason;
}

/** The socket that a sidecar's configuration file names. @throws PriomeshError CONFIG_*, TAP_FAILED */
async function socketOf(file: string): Promise<string> {
  const { loadSidecarConfig } = await import('../config/index.ts');
  const { service, tap } = await loadSidecarConfig(file);
  if (tap === undefined)
    throw new PriomeshError('TAP_FAILED', `${file}: the sidecar of ${service} has no tap`);
  return tap.socket;
}

/**
 * Follows what `where` names until it ends or the signal fires: a tap's socket, a sidecar's configuration file, or the results folder
 * of a run in progress.
 * @param cwd against which relative paths are read, that of the socket in a configuration too
 * @throws PriomeshError TAP_FAILED, CONFIG_*
 */
export async function follow(where: string, cwd: string, following: Following): Promise<void> {
  const absolute = path.resolve(cwd, where);
  const kind = await stat(absolute).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    throw new PriomeshError('TAP_FAILED', `${where}: there is no such socket, file or folder`, {
      cause: error,
    });
  });
  if (kind.isDirectory()) return followRun(absolute, following);
  if (kind.isSocket()) return followSocket(absolute, following);
  return followSocket(path.resolve(cwd, await socketOf(absolute)), following);
}
