import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from './clock.ts';
import { messageOf } from './errors.ts';

/** How to run one of the mesh's own processes. */
export interface Program {
  /** The executable and its first arguments; `--config FILE` follows. */
  readonly argv: readonly [file: string, ...args: string[]];
  /** `bundle`: one file that needs no types stripped, which starts several times as fast and needs half the memory; else the sources. */
  readonly form: 'bundle' | 'sources';
  /** Why it is the sources; empty for a bundle. */
  readonly why: string;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = path.join(ROOT, 'src');
const DIST = path.join(ROOT, 'dist');

/** A small young generation: a data path makes little garbage, and a large one only grows the process (8 MB, at no cost in speed). */
const SMALL = ['--max-semi-space-size=1'] as const;

/** The processes that are bundled: all in one build, so that they share what they have in common. */
const ENTRIES = [
  { name: 'sidecar', file: path.join(SOURCES, 'sidecar', 'main.ts'), options: SMALL },
  { name: 'control-plane', file: path.join(SOURCES, 'control-plane', 'main.ts'), options: SMALL },
  { name: 'bridge', file: path.join(SOURCES, 'sdn-bridge', 'main.ts'), options: SMALL },
  { name: 'application', file: path.join(SOURCES, 'workload', 'application-main.ts'), options: [] },
  { name: 'generator', file: path.join(SOURCES, 'workload', 'generator-main.ts'), options: [] },
  { name: 'cross-traffic', file: path.join(SOURCES, 'workload', 'cross-traffic-main.ts'), options: [] },
  // Started by the generator, by its name.
  { name: 'pacer-thread', file: path.join(SOURCES, 'workload', 'pacer-thread.ts'), options: [] },
] as const satisfies readonly {
  readonly name: string;
  readonly file: string;
  readonly options: readonly string[];
}[];

/** A process that is bundled. */
export type ProgramName = (typeof ENTRIES)[number]['name'];

/** A bundle that nobody has used for so long is removed when another one is made. */
const STALE_MS = 30 * 24 * 3600 * 1000;

const made = new Map<string, Promise<string>>();

/**
 * How to run a process, given by its name or by its main file: from a bundle of the sources as they are now, which is made when there is none yet
 * (under a second), or from the sources where that can't be done or the file is not among those that are bundled.
 */
export async function programOf(wanted: ProgramName | (string & {})): Promise<Program> {
  const entry = ENTRIES.find(({ name, file }) => file === wanted || name === wanted);
  const options = entry?.options ?? [];
  const sources = (why: string): Program => ({
    argv: [process.execPath, ...options, entry?.file ?? wanted],
    form: 'sources',
    why,
  });
  if (entry === undefined) return sources('it is not bundled');
  const digest = await sourcesDigest();
  let making = made.get(digest);
  if (making === undefined) {
    making = makeBundle(digest);
    made.set(digest, making);
  }
  try {
    const folder = await making;
    const file = path.join(folder, `${entry.name}.mjs`);
    return { argv: [process.execPath, ...options, file], form: 'bundle', why: '' };
  } catch (error) {
    made.delete(digest);
    return sources(messageOf(error));
  }
}

/** Names the sources as they are now: by path, size and time of change of each. */
async function sourcesDigest(): Promise<string> {
  // Loaded here, because it is slow to load and whoever is bundled never comes here.
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256');
  for (const entry of readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!entry.endsWith('.ts')) continue;
    const { size, mtimeMs } = statSync(path.join(SOURCES, entry));
    hash.update(`${entry} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

/** @returns the folder of the bundle; two levels below the root as the sources are, since they find their data from there */
async function makeBundle(digest: string): Promise<string> {
  const folder = path.join(DIST, digest);
  if (existsSync(folder)) {
    const now = new Date(systemClock.wallMs());
    await utimes(folder, now, now);
    return folder;
  }
  const { build } = await import('rolldown');
  await mkdir(DIST, { recursive: true });
  // Made aside and put in place in one step: others may be doing the same now.
  const aside = await mkdtemp(path.join(DIST, 'making-'));
  try {
    await build({
      input: Object.fromEntries(ENTRIES.map(({ name, file }) => [`${name}-main`, file])),
      platform: 'node',
      logLevel: 'silent',
      external: (id) => !id.startsWith('.') && !path.isAbsolute(id),
      output: {
        dir: aside,
        format: 'esm',
        entryFileNames: '[name].mjs',
        chunkFileNames: '[name]-[hash].mjs',
      },
    });
    for (const { name } of ENTRIES) await writeFile(path.join(aside, `${name}.mjs`), starter(name));
    await rename(aside, folder).catch(async (error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  await removeStale();
  return folder;
}

/** Loads the program with the code that V8 compiled the last time (https://nodejs.org/api/module.html#module-compile-cache). */
function starter(name: string): string {
  return `import { enableCompileCache } from 'node:module';
enableCompileCache(new URL('compiled', import.meta.url).pathname);
await import('./${name}-main.mjs');
`;
}

async function removeStale(): Promise<void> {
  const now = systemClock.wallMs();
  for (const entry of await readdir(DIST)) {
    const folder = path.join(DIST, entry);
    // Others put theirs in place, or remove them, at the same time.
    const found = await stat(folder).catch(() => undefined);
    if (found !== undefined && now - found.mtimeMs > STALE_MS)
      await rm(folder, { recursive: true, force: true });
  }
}
