import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../../..');

async function passes(...argv: [string, ...string[]]): Promise<void> {
  const [file, ...args] = argv;
  const result = await execa(`node_modules/.bin/${file}`, args, { cwd: ROOT, reject: false, all: true });
  expect(result.exitCode, result.all).toBe(0);
}

describe('the tree', () => {
  it('is formatted and passes the linter', () => passes('biome', 'ci', '.'));
  it('type-checks', () => passes('tsc', '--noEmit'));
  it('holds no unused file, export or dependency', () => passes('knip', '--no-progress'));
});
