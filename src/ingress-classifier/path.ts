import { HASH_START, hashStep } from './hash.ts';
import { MAX_PATH_CHARACTERS, MAX_PATH_SEGMENTS } from './limits.ts';

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;

/** Characters that some servers take as structure and others as text; their percent-encoding stays in the strict reading. */
const STRUCTURE: ReadonlySet<number> = new Set([SLASH, BACKSLASH, SEMICOLON, PERCENT]);

/**
 * The two readings of a path that can be read in two ways.
 *
 * `strict` is RFC 3986 section 6.2.2 by the letter: what need not be encoded is decoded, dot segments are resolved, and
 * everything else is text. `lenient` is the most forgiving server: encoded slashes and backslashes separate, repeated
 * slashes are one, and `;parameters` are cut off. In both a trailing slash says nothing.
 */
export type Reading = 'strict' | 'lenient';

function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function encode(code: number): string {
  return `%${(code & 0xff).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Writes a part of a path in one spelling: printable ASCII as itself, all else percent-encoded with capital digits. */
function canonicalText(text: string, reading: Reading): string {
  let out = '';
  for (let at = 0; at < text.length; at += 1) {
    let code = text.charCodeAt(at);
    let encoded = false;
    if (code === PERCENT) {
      const high = hexValue(text.charCodeAt(at + 1));
      const low = hexValue(text.charCodeAt(at + 2));
      if (high >= 0 && low >= 0) {
        code = high * 16 + low;
        encoded = true;
        at += 2;
      }
    }
    const kept = code < 0x21 || code > 0x7e || code === PERCENT;
    if (reading === 'lenient' && code === BACKSLASH) out += '/';
    else if (kept || code === BACKSLASH) out += encode(code);
    else if (reading === 'strict' && encoded && STRUCTURE.has(code)) out += encode(code);
    else out += String.fromCharCode(code);
  }
  return out;
}

/** A literal segment of a rule's pattern in the spelling of the strict reading. */
export function canonicalSegment(segment: string): string {
  return canonicalText(Buffer.from(segment, 'utf8').toString('latin1'), 'strict');
}

/** Writes a path in the one spelling of a reading. The path starts with a slash. */
function canonicalPath(path: string, reading: Reading): string {
  const kept: string[] = [];
  for (const part of canonicalText(path.slice(1), reading).split('/')) {
    const parameters = reading === 'lenient' ? part.indexOf(';') : -1;
    const segment = parameters < 0 ? part : part.slice(0, parameters);
    if (segment === '.' || (segment === '' && reading === 'lenient')) continue;
    if (segment === '..') kept.pop();
    else kept.push(segment);
  }
  return `/${kept.join('/')}`;
}

/** The path of a request target in absolute form (RFC 9112 section 3.2.2); other targets as they are. */
function pathOfTarget(target: string): string {
  if (target.charCodeAt(0) === SLASH) return target;
  const authority = /^[a-z][a-z0-9+.-]{0,31}:\/\/[^/]*/i.exec(target);
  if (authority === null) return target;
  const path = target.slice(authority[0].length);
  return path === '' ? '/' : path;
}

/** A path cut into segments, with their hashes. One object serves all requests. */
export class PathView {
  /** The spelling whose positions the other members give. */
  text = '';
  segments = 0;
  readonly starts = new Int32Array(MAX_PATH_SEGMENTS);
  readonly ends = new Int32Array(MAX_PATH_SEGMENTS);
  /** By segment: the hash of its text. */
  readonly hashes = new Int32Array(MAX_PATH_SEGMENTS);
  /** By segment: the hash of the path up to its end. */
  readonly prefixHashes = new Int32Array(MAX_PATH_SEGMENTS);
  /** Whether the target has a path: not so for `*` and for the authority of CONNECT. */
  present = false;
  /** The path is beyond MAX_PATH_CHARACTERS or MAX_PATH_SEGMENTS and was not cut. */
  oversized = false;
  /** The two readings differ. */
  ambiguous = false;
  #lenient = '';

  /** Takes the path of a request: in its only reading, or in the strict one where there are two. */
  load(target: string): void {
    this.ambiguous = false;
    this.oversized = target.length > MAX_PATH_CHARACTERS;
    this.present = false;
    this.segments = 0;
    if (this.oversized) return;
    const path = pathOfTarget(target);
    this.present = path.charCodeAt(0) === SLASH;
    if (!this.present || this.#cut(path, true)) return;
    if (this.oversized) return;
    const strict = canonicalPath(path, 'strict');
    this.#lenient = canonicalPath(path, 'lenient');
    this.ambiguous = this.#cutBoth(strict);
  }

  /** Goes over to the lenient reading of an ambiguous path. */
  loadLenient(): void {
    if (this.ambiguous) this.#cut(this.#lenient, false);
  }

  /** Cuts the strict reading; the result says whether the lenient one is another. */
  #cutBoth(strict: string): boolean {
    this.#cut(strict, false);
    // `//` is an empty segment with a trailing slash, and not the root with one.
    const trimmed = strict.length > 2 && strict.endsWith('/') ? strict.slice(0, -1) : strict;
    return trimmed !== this.#lenient;
  }

  /**
   * Cuts a path into segments.
   *
   * @param plainOnly give up at a spelling that has to be made canonical first
   * @returns whether it was cut
   */
  #cut(path: string, plainOnly: boolean): boolean {
    this.text = path;
    this.segments = 0;
    let start = 1;
    let hash = HASH_START;
    let prefix = HASH_START;
    for (let at = 1; at <= path.length; at += 1) {
      const code = at === path.length ? SLASH : path.charCodeAt(at);
      if (code !== SLASH) {
        if (plainOnly && !isPlain(code)) return false;
        hash = hashStep(hash, code);
        prefix = hashStep(prefix, code);
        continue;
      }
      // The root has no segment, and a trailing slash does not make one.
      if (at === start && at === path.length) break;
      if (plainOnly && (at === start || this.#isDots(path, start, at))) return false;
      if (this.segments === MAX_PATH_SEGMENTS) {
        this.oversized = true;
        return false;
      }
      prefix = hashStep(prefix, SLASH);
      this.starts[this.segments] = start;
      this.ends[this.segments] = at;
      this.hashes[this.segments] = hash;
      this.prefixHashes[this.segments] = prefix;
      this.segments += 1;
      start = at + 1;
      hash = HASH_START;
    }
    return true;
  }

  #isDots(path: string, start: number, end: number): boolean {
    if (path.charCodeAt(start) !== DOT) return false;
    return end - start === 1 || (end - start === 2 && path.charCodeAt(start + 1) === DOT);
  }
}

function isPlain(code: number): boolean {
  return code > 0x20 && code < 0x7f && code !== PERCENT && code !== SEMICOLON && code !== BACKSLASH;
}
