import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';

/** Folders of system programs that an ordinary user's PATH often lacks. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin'];

/** The file of a program on the PATH (system folders included), or undefined. */
export async function findProgram(name: string): Promise<string | undefined> {
  const own = (process.env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  const candidates = name.includes('/')
    ? [name]
    : [...own, ...SYSTEM_FOLDERS].map((one) => path.join(one, name));
  for (const candidate of candidates) {
    try {
      await access(candidate, constants.X_OK);
      return candidate;
    } catch {
      // The next folder may have it.
    }
  }
  return undefined;
}
