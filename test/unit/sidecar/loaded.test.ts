import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const SOURCES = path.resolve(import.meta.dirname, '../../../src');
/** `import type` and `export type` are gone when the program runs; an import with types inside braces is not. */
const STATIC_IMPORT = /^(?:import|export)\s(?!type\s)[^;]*?from\s+'([^']+)'/gms;

/** Every file of ours, and every package, that is loaded when this file is, before anything runs. */
function loadedWith(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, name = ''] of readFileSync(path.join(SOURCES, file), 'utf8').matchAll(STATIC_IMPORT)) {
    if (name.startsWith('.')) loadedWith(path.join(path.dirname(file), name), found);
    else found.add(name);
  }
  return found;
}

describe('what is loaded', () => {
  it('with a sidecar: nothing of the network layer', () => {
    const loaded = loadedWith('sidecar/main.ts');
    expect(loaded.size).toBeGreaterThan(50);
    expect(loaded).toContain('sidecar/start.ts');
    const foreign = [...loaded].filter((file) =>
      /^(?:reactions|control-protocol|sidecar\/network|sidecar\/control|@grpc)\//.test(file),
    );
    expect(foreign).toEqual([]);
  });

  it('with the network layer: no gRPC before it is connected', () => {
    const loaded = loadedWith('sidecar/network/index.ts');
    expect(loaded).toContain('reactions/index.ts');
    expect([...loaded].filter((file) => file.startsWith('@grpc'))).toEqual([]);
  });
});
