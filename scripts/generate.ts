import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { summaryJsonSchema } from '../src/analysis/index.ts';
import { type JsonSchema, schemaId, schemas } from '../src/config/index.ts';
import { configurationReference, errorReference } from './reference.ts';

const ROOT = resolve(import.meta.dirname, '..');

/** The published schemas of files that programs write, by name. A folder that publishes one adds a line. */
const SCHEMAS_OF_RESULTS: Readonly<Record<string, () => object>> = {
  summary: summaryJsonSchema,
};

/** Every file that is made from code: path in the repository to text. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const configuration = schemas();
  const results = Object.entries(SCHEMAS_OF_RESULTS).map(([name, make]): [string, JsonSchema] => [
    name,
    { $id: schemaId(name), ...make() },
  ]);
  const published = [...Object.entries(configuration), ...results];
  const exitCodes = readFileSync(join(ROOT, 'src/core/exit-codes.ts'), 'utf8');
  return new Map([
    ...published.map(
      ([name, schema]) => [`schemas/${name}.schema.json`, `${JSON.stringify(schema, null, 2)}\n`] as const,
    ),
    ['docs/reference/configuration.md', configurationReference(configuration)],
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

/** The generated files whose text is not what the code makes now. */
export function staleFiles(): readonly string[] {
  return [...generatedFiles()]
    .filter(([path, text]) => textOf(join(ROOT, path)) !== text)
    .map(([path]) => path);
}

/** `node scripts/generate.ts` writes the generated files; with `--check` it only names those that are out of date. */
function main(args: readonly string[]): void {
  const stale = staleFiles();
  if (args.includes('--check')) {
    for (const path of stale) process.stderr.write(`${path} is out of date; run node scripts/generate.ts\n`);
    process.exitCode = stale.length === 0 ? 0 : 1;
    return;
  }
  const files = generatedFiles();
  for (const path of stale) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), files.get(path) ?? '');
    process.stdout.write(`wrote ${path}\n`);
  }
}

if (import.meta.main) main(process.argv.slice(2));
