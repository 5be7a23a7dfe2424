import type { z } from 'zod';
import type { ErrorCode, PriomeshError } from '../core/index.ts';
import { explainIssues } from './explain.ts';
import { errorOf, type Finding } from './findings.ts';
import type { JsonSchema } from './json-schema.ts';
import { lazy, zod } from './lazy.ts';
import { readConfigFile } from './read-file.ts';
import { type Path, readSource, type Source } from './source.ts';

/** Where a check that goes beyond the schema says what it found. */
export interface Report {
  readonly source: Source;
  /** A value that is wrong by itself, or that names something that is not there. */
  invalid(path: Path, message: string, fix: string): void;
  /** Two places that contradict each other; the message should name the other one. */
  conflict(path: Path, message: string, fix: string): void;
}

/** A kind of configuration document: its schema, and what is made of a value that fits it. */
export interface DocumentKind<Value, Result> {
  /** The name of its published JSON Schema: `schemas/NAME.schema.json`. */
  readonly name: string;
  readonly schema: () => z.ZodType<Value>;
  /** The largest file. Default {@link CONFIG_LIMIT_BYTES}. */
  readonly limitBytes?: number;
  /** Checks what a schema cannot express, and resolves the value. */
  resolve(value: Value, report: Report): Result;
}

/** The JSON Schema of what a person may write for a zod schema: keys with a default need not be there. */
function toJsonSchema(schema: z.ZodType): JsonSchema {
  return zod().toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' }) as JsonSchema;
}

/** The JSON Schema of a kind of document, made once. */
const jsonSchemas = new Map<string, () => JsonSchema>();

/** The JSON Schema of a kind of document. */
export function jsonSchemaOf<Value, Result>(kind: DocumentKind<Value, Result>): JsonSchema {
  let made = jsonSchemas.get(kind.name);
  if (made === undefined) {
    made = lazy(() => toJsonSchema(kind.schema()));
    jsonSchemas.set(kind.name, made);
  }
  return made();
}

/** A copy without the members that stand at the given paths. */
function without(value: unknown, paths: readonly Path[]): unknown {
  const copy: unknown = structuredClone(value);
  for (const path of paths) {
    let at = copy;
    for (const step of path.slice(0, -1)) at = Reflect.get(at as object, step);
    Reflect.deleteProperty(at as object, String(path.at(-1)));
  }
  return copy;
}

function check<Value, Result>(kind: DocumentKind<Value, Result>, source: Source) {
  const findings: Finding[] = [];
  let parsed = kind.schema().safeParse(source.value);
  if (!parsed.success) {
    const { issues } = parsed.error;
    findings.push(...explainIssues(issues, source, jsonSchemaOf(kind)));
    const unknown = issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key] as Path) : [],
    );
    // Where unknown keys are all that is wrong, the other checks can still be made on the rest.
    if (issues.every(({ code }) => code === 'unrecognized_keys')) {
      parsed = kind.schema().safeParse(without(source.value, unknown));
    }
  }
  return { findings, value: parsed.success ? { is: parsed.data } : undefined };
}

/**
 * Reads one document: syntax, schema, and the checks of its kind.
 * @throws PriomeshError CONFIG_*, naming everything that is wrong; see {@link findingsOf}.
 */
export function parseDocument<Value, Result>(
  kind: DocumentKind<Value, Result>,
  text: string,
  file: string,
): Result {
  const source = readSource(text, file, kind.limitBytes);
  const { findings, value } = check(kind, source);
  const add = (code: ErrorCode) => (path: Path, message: string, fix: string) => {
    findings.push({ code, place: source.placeOf(path), message, fix });
  };
  const result =
    value === undefined
      ? undefined
      : {
          is: kind.resolve(value.is, {
            source,
            invalid: add('CONFIG_INVALID'),
            conflict: add('CONFIG_CONFLICT'),
          }),
        };
  const [first, ...others] = findings;
  if (first !== undefined) throw errorOf([first, ...others]);
  if (result === undefined) throw neverWrong(file);
  return result.is;
}

/** Reads the file of one document; see {@link parseDocument}. */
export async function loadDocument<Value, Result>(
  kind: DocumentKind<Value, Result>,
  file: string,
): Promise<Result> {
  return parseDocument(kind, await readConfigFile(file, kind.limitBytes), file);
}

function neverWrong(file: string): PriomeshError {
  return errorOf([
    {
      code: 'INTERNAL',
      place: { file, line: 1, column: 1 },
      message: 'the schema refused the file without saying why',
      fix: 'Report it with the file.',
    },
  ]);
}
