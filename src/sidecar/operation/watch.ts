import { unwatchFile, watchFile } from 'node:fs';

/** How often files are looked at: stat(2) sees replacements and links that point elsewhere, which inotify(7) on a file does not. */
const LOOK_MS = 500;

/** Looks whether files change. */
export interface FileWatch {
  /** From now on these. */
  follow(files: readonly string[]): void;
  close(): void;
}

/** Calls back when one of the files was changed, replaced or removed. */
export function watchFiles(changed: () => void): FileWatch {
  let watched: readonly string[] = [];
  const look = (): void => changed();
  const follow = (files: readonly string[]): void => {
    for (const file of watched) if (!files.includes(file)) unwatchFile(file, look);
    for (const file of files) {
      if (!watched.includes(file)) watchFile(file, { interval: LOOK_MS, persistent: false }, look);
    }
    watched = files;
  };
  return { follow, close: () => follow([]) };
}
