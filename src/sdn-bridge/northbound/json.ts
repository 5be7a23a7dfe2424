import { isNetworkName } from '../../control-protocol/index.ts';
import { PriomeshError } from '../../core/index.ts';

/** What a controller sent is not what it should have sent. */
export function strange(what: string): PriomeshError {
  return new PriomeshError('NORTHBOUND_FAILED', `the controller sent ${what}`);
}

/** An object as JSON has it. */
export type Json = Readonly<Record<string, unknown>>;

/** Strict readers of what a controller sends: each throws NORTHBOUND_FAILED where the value is anything else. */
export function objectOf(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw strange(`${what} that is no object`);
  return value as Json;
}

/** A list of at most `most` items. */
export function listOf(value: unknown, what: string, most = 4096): readonly unknown[] {
  if (!Array.isArray(value)) throw strange(`${what} that is no list`);
  if (value.length > most) throw strange(`${what} of more than ${most} items`);
  return value;
}

/** The name of a switch, a host, a path or an interface. */
export function nameOf(value: unknown, what: string): string {
  if (typeof value !== 'string' || !isNetworkName(value)) throw strange(`${what} that is no name`);
  return value;
}

/** The id of a directed link: two names with `>` between them. */
export function linkOf(value: unknown): string {
  const [from = '', to = '', ...more] = typeof value === 'string' ? value.split('>') : [];
  if (more.length > 0 || !isNetworkName(from) || !isNetworkName(to)) throw strange('a link that is no link');
  return `${from}>${to}`;
}

/** A finite number that is not negative. */
export function amountOf(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw strange(`${what} that is no amount`);
  return value;
}

/** A whole number within bounds. */
export function wholeOf(value: unknown, what: string, least: number, most: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
    throw strange(`${what} that is no whole number from ${least} to ${most}`);
  }
  return value as number;
}

/** True or false. */
export function flagOf(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') throw strange(`${what} that is neither true nor false`);
  return value;
}

/** The value of a JSON text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw strange('something that is not JSON');
  }
}
