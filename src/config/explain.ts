import type { z } from 'zod';
import type { Finding } from './findings.ts';
import { expectation, type JsonSchema, memberSchema } from './json-schema.ts';
import { nearest } from './nearest.ts';
import type { Path, Source } from './source.ts';

type Issue = z.core.$ZodIssue;

/** How much of a wrong value a message quotes. */
const QUOTED_CHARACTERS = 60;

/** A path as a person reads it: `classes.batch.slo`, `ingress.rules[3].match`. The top is "the file". */
function dotted(path: Path): string {
  if (path.length === 0) return 'the file';
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join('');
}

/** A value as a message quotes it. */
function quote(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > QUOTED_CHARACTERS ? `${text.slice(0, QUOTED_CHARACTERS)}...` : text;
}

/** A sentence of a fix that names the word a person most likely meant, else all that are known. */
export function suggest(word: string, known: readonly string[], kind: string): string {
  const meant = nearest(word, known);
  if (meant !== undefined) return `Did you mean ${meant}?`;
  return known.length === 0 ? `No ${kind} is known here.` : `Known here: ${known.join(', ')}.`;
}

function valueAt(value: unknown, path: Path): { readonly present: boolean; readonly value: unknown } {
  let at = value;
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) {
      return { present: false, value: undefined };
    }
    at = Reflect.get(at, step);
  }
  return { present: true, value: at };
}

function schemaAt(top: JsonSchema, path: Path): JsonSchema | undefined {
  let at: JsonSchema | undefined = top;
  for (const step of path) at = memberSchema(at, step);
  return at;
}

/** Ends a sentence, unless it is ended. */
function sentence(text: string | undefined): string {
  if (text === undefined || text === '') return '';
  return /[.!?]$/.test(text) ? ` ${text}` : ` ${text}.`;
}

/** Turns what zod found into findings with places and remedies. */
export function explainIssues(issues: readonly Issue[], source: Source, schema: JsonSchema): Finding[] {
  const findings: Finding[] = [];
  /** Missing keys that a misspelled key of the same mapping stands for, as `path` joined. */
  const meant = new Set<string>();
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const path = issue.path as Path;
    const here = Object.keys(schemaAt(schema, path)?.properties ?? {});
    for (const key of issue.keys) {
      const near = nearest(key, here);
      if (near !== undefined) meant.add(JSON.stringify([...path, near]));
      findings.push({
        code: 'CONFIG_UNKNOWN_KEY',
        place: source.placeOfKey([...path, key]),
        message: `${dotted(path)} has no key ${JSON.stringify(key)}`,
        fix: suggest(key, here, 'key'),
      });
    }
  }
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') continue;
    const path = issue.path as Path;
    const { present, value } = valueAt(source.value, path);
    if (!present && path.length > 0) {
      if (!meant.has(JSON.stringify(path))) findings.push(missing(path, source, schema));
    } else {
      findings.push(wrong(issue, path, value, source, schema));
    }
  }
  return findings;
}

function missing(path: Path, source: Source, schema: JsonSchema): Finding {
  const parent = path.slice(0, -1);
  const key = String(path.at(-1));
  const at = schemaAt(schema, path);
  const what = at === undefined ? '' : `: ${expectation(at)}`;
  return {
    code: 'CONFIG_INVALID',
    place: source.placeOfKey(parent),
    message: `${dotted(parent)} lacks the key ${key}`,
    fix: `Add ${key}${what}.${sentence(at?.description)}`,
  };
}

/** What an issue says that the value must be. A pattern explains itself, for its schema knows only the expression. */
function demanded(issue: Issue, at: JsonSchema | undefined): string {
  if (issue.code === 'invalid_format') return issue.message;
  if (issue.code === 'invalid_union' && !issue.message.startsWith('Invalid')) return issue.message;
  return at === undefined ? issue.message : expectation(at);
}

/** The number that a text stands for where a number is wanted: YAML 1.2 takes `20_000` and `"20"` for text. */
function numberMeant(value: unknown, at: JsonSchema | undefined): number | undefined {
  if (typeof value !== 'string' || (at?.type !== 'integer' && at?.type !== 'number')) return undefined;
  return /^-?[0-9][0-9_]*(?:\.[0-9]+)?$/.test(value) ? Number(value.replaceAll('_', '')) : undefined;
}

/** What to write instead of a wrong value: what was most likely meant, else an example, else what is allowed. */
function remedy(value: unknown, at: JsonSchema | undefined, must: string): string {
  const number = numberMeant(value, at);
  if (number !== undefined) return `Write ${number}, without quotes or separators.`;
  const options = [at, ...(at?.anyOf ?? [])].flatMap((one) => (one?.enum ?? []).map(String));
  const near = typeof value === 'string' ? nearest(value, options) : undefined;
  if (near !== undefined) return `Did you mean ${near}?`;
  if (at?.type === 'array' && at.items?.type !== 'object' && typeof value === 'string') {
    return `Write a list: [${value}].`;
  }
  const example = at?.examples?.[0];
  return example === undefined ? `Write ${must}.` : `Write text such as ${String(example)}.`;
}

function wrong(issue: Issue, path: Path, value: unknown, source: Source, schema: JsonSchema): Finding {
  if (issue.code === 'invalid_key') {
    const words = issue.issues[0]?.message ?? issue.message;
    return {
      code: 'CONFIG_INVALID',
      place: source.placeOfKey(path),
      message: `the key ${JSON.stringify(String(path.at(-1)))} of ${dotted(path.slice(0, -1))} must be ${words}`,
      fix: `Rename it to ${words}.`,
    };
  }
  const at = schemaAt(schema, path);
  const must = demanded(issue, at);
  const head = path.length === 0 ? 'the file is' : `${dotted(path)} is`;
  return {
    code: 'CONFIG_INVALID',
    place: source.placeOf(path),
    message: `${head} ${quote(value)}; it must be ${must}`,
    fix: `${remedy(value, at, must)}${sentence(at?.description)}`,
  };
}
