import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { publishedSchemas } from '../src/cli/schemas.ts';
import { schemas } from '../src/config/index.ts';
import { configurationReference, errorReference } from './reference.ts';

const ROOT = resolve(import.meta.dirname, '..');

/**
 * Every file that is made from code: path in the repository to text. A folder that publishes another schema adds a line
 * to the list in `src/cli/schemas.ts`.
 */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const published = Object.entries(await publishedSchemas());
  const exitCodes = readFileSync(join(ROOT, 'src/core/exit-codes.ts'), 'utf8');
  return new Map([
    ...published.map(
      ([name, schema]) => [`schemas/${name}.schema.json`, `${JSON.stringify(schema, null, 2)}\n`] as const,
    ),
    ['docs/reference/configuration.md', configurationReference(schemas())],
    ['docs/reference/errors.md', errorReference(exitCodes)],
  ]);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The generated files whose text is not what the code makes now: path to what it should be. */
export async function staleFiles(): Promise<ReadonlyMap<string, string>> {
  const files = await generatedFiles();
  return new Map([...files].filter(([path, text]) => textOf(join(ROOT, path)) !== text));
}

/** `node scripts/generate.ts` writes the generated files; with `--check` it only names those that are out of date. */
async function main(args: readonly string[]): Promise<void> {
  const stale = await staleFiles();
  if (args.includes('--check')) {
    for (const path of stale.keys()) {
      process.stderr.write(`${path} is out of date; run node scripts/generate.ts\n`);
    }
    process.exitCode = stale.size === 0 ? 0 : 1;
    return;
  }
  for (const [path, text] of stale) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), text);
    process.stdout.write(`wrote ${path}\n`);
  }
}

if (import.meta.main) await main(process.argv.slice(2));
