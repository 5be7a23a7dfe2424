import { readFile, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { messageOf, PriomeshError } from '../core/index.ts';

const CONFIG_LIMIT_BYTES = 4 * 1024 * 1024;

/** A socket address: an IP literal, so that connecting never asks a resolver, and a port. */
export const addressSchema = z
  .strictObject({
    host: z.union([z.ipv4(), z.ipv6()]),
    port: z.int().min(1).max(65_535),
  })
  .readonly();

/** A request target in origin form (RFC 9112, section 3.2.1), without anything that could end the request line. */
export const targetSchema = z.string().regex(/^\/[\x21-\x7e]*$/, 'must begin with / and hold no white space');

/** A method token of upper-case letters. */
export const methodSchema = z.string().regex(/^[A-Z]{1,20}$/, 'must be an upper-case HTTP method');

/** A name that stands in files and on the command line without quoting. */
export const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'must be letters, digits, dot, dash or underscore');

/** Takes the value of `--config FILE` from the arguments of a process. Throws USAGE for anything else. */
export function configFileFrom(argv: readonly string[]): string {
  let file: string | undefined;
  try {
    file = parseArgs({ args: [...argv], options: { config: { type: 'string' } } }).values.config;
  } catch (error) {
    throw new PriomeshError('USAGE', messageOf(error), { cause: error, fix: 'Start it with --config FILE.' });
  }
  if (file === undefined) {
    throw new PriomeshError('USAGE', '--config is missing', { fix: 'Start it with --config FILE.' });
  }
  return file;
}

/** One finding of zod as `place: message`. */
function describe(issue: z.core.$ZodIssue): string {
  const where = issue.path.length === 0 ? 'the file' : issue.path.join('.');
  return `${where}: ${issue.message}`;
}

/**
 * Checks a value against a schema. All findings are named in the error.
 * Throws CONFIG_UNKNOWN_KEY when unknown keys are all that is wrong, else CONFIG_INVALID.
 */
export function checkConfig<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { issues } = result.error;
  const code = issues.every((issue) => issue.code === 'unrecognized_keys')
    ? 'CONFIG_UNKNOWN_KEY'
    : 'CONFIG_INVALID';
  throw new PriomeshError(code, `${file}: ${issues.map(describe).join('; ')}`);
}

/** Reads and checks the JSON configuration of a process. Throws CONFIG_* errors. */
export async function readProcessConfig<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > CONFIG_LIMIT_BYTES) {
      throw new PriomeshError('CONFIG_TOO_LARGE', `${file}: ${size} bytes, limit ${CONFIG_LIMIT_BYTES}`);
    }
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof PriomeshError) throw error;
    throw new PriomeshError('CONFIG_NOT_FOUND', `${file}: ${messageOf(error)}`, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PriomeshError('CONFIG_SYNTAX', `${file}: ${messageOf(error)}`, { cause: error });
  }
  return checkConfig(schema, value, file);
}
