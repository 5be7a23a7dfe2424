import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../../..');

/** The floors of the house, the highest first. A folder may use what stands on a lower floor, by its door. */
const FLOORS: readonly (readonly string[])[] = [
  ['cli'],
  ['doctor', 'experiment', 'publish'],
  ['lab', 'workload', 'analysis', 'telemetry'],
  ['sdn-bridge'],
  ['control-plane'],
  ['sidecar'],
  ['transport', 'kernel-qos', 'propagation', 'ingress-classifier', 'reactions', 'control-protocol'],
  ['config'],
  ['core'],
];

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Every relative import of a source text, static or dynamic, resolved. */
function importsOf(file: string, text: string): Import[] {
  const found = text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...found].map((match) => ({
    from: path.relative(path.join(ROOT, 'src'), file),
    to: path.relative(path.join(ROOT, 'src'), path.resolve(path.dirname(file), match[1] ?? '')),
  }));
}

const folderOf = (file: string): string => file.split(path.sep)[0] ?? '';
const floorOf = (folder: string): number => FLOORS.findIndex((floor) => floor.includes(folder));

/** What is wrong with an import, or nothing. */
function fault({ from, to }: Import): string | undefined {
  const [own, other] = [folderOf(from), folderOf(to)];
  if (own === other) return undefined;
  if (floorOf(own) === -1) return `${from}: the folder ${own} has no floor`;
  if (floorOf(other) <= floorOf(own)) return `${from} -> ${to}: points upwards or sideways`;
  if (to !== path.join(other, 'index.ts')) return `${from} -> ${to}: does not use the door`;
  return undefined;
}

/** A cycle among the files of one folder, or between folders, as the files that make it. */
function cycle(imports: readonly Import[]): string[] | undefined {
  const edges = new Map<string, string[]>();
  for (const { from, to } of imports) edges.set(from, [...(edges.get(from) ?? []), to]);
  const done = new Set<string>();
  const walk = (file: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of edges.get(file) ?? []) {
      const found = walk(next, [...trail, file]);
      if (found !== undefined) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of edges.keys()) {
    const found = walk(file, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

const files = globSync('src/**/*.ts', { cwd: ROOT }).map((file) => path.join(ROOT, file));
const imports = files.flatMap((file) => importsOf(file, readFileSync(file, 'utf8')));

describe('the house', () => {
  it('has imports that point downwards and go through doors', () => {
    expect(imports.length).toBeGreaterThan(50);
    expect(imports.map(fault).filter((one) => one !== undefined)).toEqual([]);
  });

  it('has no cycles among values', () => {
    const values = files.flatMap((file) =>
      importsOf(file, readFileSync(file, 'utf8').replaceAll(/^import type[^;]+;/gm, '')),
    );
    expect(cycle(values)).toBeUndefined();
  });

  it('would notice a wrong arrow, a side entrance and a cycle', () => {
    expect(fault({ from: 'core/a.ts', to: 'config/index.ts' })).toContain('upwards');
    expect(fault({ from: 'cli/a.ts', to: 'core/clock.ts' })).toContain('door');
    expect(
      cycle([
        { from: 'a', to: 'b' },
        { from: 'b', to: 'a' },
      ]),
    ).toEqual(['a', 'b', 'a']);
  });

  it('reads clock and chance only in core', () => {
    const users = files.filter((file) => /\bMath\.random\(|\bDate\.now\(/.test(readFileSync(file, 'utf8')));
    expect(users.map((file) => path.relative(ROOT, file))).toEqual(['src/core/clock.ts']);
  });
});
