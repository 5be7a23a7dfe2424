import { readFileSync } from 'node:fs';

/** How far above this file, or above the bundle that it is part of, the package's description is looked for. */
const LEVELS = 4;

/** The version of priomesh, or `unknown`. */
export function ownVersion(): string {
  for (let level = 0; level <= LEVELS; level += 1) {
    try {
      const file = new URL(`${'../'.repeat(level)}package.json`, import.meta.url);
      const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
      if (name === 'priomesh' && version !== undefined) return version;
    } catch {
      // One level up, then.
    }
  }
  return 'unknown';
}
