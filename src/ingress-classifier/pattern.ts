import { PriomeshError } from '../core/index.ts';
import { HASH_START, hashKey, hashStep, hashText } from './hash.ts';
import { type Condition, KEY_KINDS, type KeySet, type KeySink } from './matcher.ts';
import { canonicalSegment, type PathView } from './path.ts';
import type { RequestView } from './request-view.ts';

const ONE = Symbol('one segment');
const MANY = Symbol('any number of segments');

type Part = string | typeof ONE | typeof MANY;

function compilePart(segment: string, pattern: string): Part {
  if (segment === '*' || /^\{[^{}]*\}$/.test(segment)) return ONE;
  if (segment === '**') return MANY;
  if (segment === '' || segment === '.' || segment === '..' || /[*{}]/.test(segment)) {
    throw new PriomeshError(
      'CONFIG_INVALID',
      `\`${segment}\` cannot stand in the path pattern \`${pattern}\``,
      {
        fix: 'Separate segments by one slash; `*`, `**` and `{name}` stand for whole segments.',
      },
    );
  }
  return canonicalSegment(segment);
}

function compileParts(pattern: string): readonly Part[] {
  if (!pattern.startsWith('/')) {
    throw new PriomeshError('CONFIG_INVALID', `the path pattern \`${pattern}\` does not start with a slash`, {
      fix: `Write \`/${pattern}\`.`,
    });
  }
  const trimmed = pattern.replace(/\/$/, '').slice(1);
  return trimmed === '' ? [] : trimmed.split('/').map((segment) => compilePart(segment, pattern));
}

function segmentMatches(part: Part | undefined, path: PathView, segment: number): boolean {
  const start = path.starts[segment] ?? 0;
  const length = (path.ends[segment] ?? 0) - start;
  if (part === ONE) return length > 0;
  return typeof part === 'string' && part.length === length && path.text.startsWith(part, start);
}

/**
 * Matches without recursion: on a mismatch only the last `**` takes one segment more, since an earlier one could win
 * nothing by it. At most segments times parts steps.
 */
function partsMatch(parts: readonly Part[], path: PathView): boolean {
  let part = 0;
  let segment = 0;
  let lastMany = -1;
  let resume = 0;
  while (segment < path.segments) {
    if (parts[part] === MANY) {
      lastMany = part;
      resume = segment;
      part += 1;
    } else if (part < parts.length && segmentMatches(parts[part], path, segment)) {
      part += 1;
      segment += 1;
    } else if (lastMany >= 0) {
      resume += 1;
      segment = resume;
      part = lastMany + 1;
    } else return false;
  }
  while (parts[part] === MANY) part += 1;
  return part === parts.length;
}

function segmentKey(position: number, hash: number): number {
  return hashKey(hashStep(hash, position + 1));
}

/** The facts that tell a pattern apart: its literal beginning, literals at a known position, literals after a `**`. */
function keySets(parts: readonly Part[]): KeySet[] {
  const sets: KeySet[] = [];
  let prefix = HASH_START;
  let prefixLength = 0;
  while (typeof parts[prefixLength] === 'string') {
    prefix = hashStep(hashText(String(parts[prefixLength]), prefix), 0x2f);
    prefixLength += 1;
  }
  if (prefixLength > 0) sets.push({ kind: KEY_KINDS.pathPrefix, keys: [hashKey(prefix)] });
  const firstMany = parts.indexOf(MANY);
  for (let position = prefixLength; position < parts.length; position += 1) {
    const part = parts[position];
    if (typeof part !== 'string') continue;
    const hash = hashText(part);
    if (firstMany < 0 || position < firstMany) {
      sets.push({ kind: KEY_KINDS.pathSegment, keys: [segmentKey(position, hash)] });
    } else sets.push({ kind: KEY_KINDS.pathAnywhere, keys: [hashKey(hash)] });
  }
  return sets;
}

/** Offers what {@link compilePattern} files rules under; once per request and reading, whoever asks first. */
export function offerPathKeys(request: RequestView, keys: KeySink): void {
  if (request.pathKeysOffered) return;
  request.pathKeysOffered = true;
  const { path } = request;
  for (let segment = 0; segment < path.segments; segment += 1) {
    keys.offer(KEY_KINDS.pathPrefix, hashKey(path.prefixHashes[segment] ?? 0));
    const hash = path.hashes[segment] ?? 0;
    keys.offer(KEY_KINDS.pathSegment, segmentKey(segment, hash));
    keys.offer(KEY_KINDS.pathAnywhere, hashKey(hash));
  }
}

/**
 * Compiles a path pattern: `*` and `{name}` are one segment that is not empty, `**` any number of segments, all else is
 * literal. A trailing slash says nothing.
 *
 * @throws PriomeshError CONFIG_INVALID
 */
export function compilePattern(pattern: string): Condition {
  const parts = compileParts(pattern);
  return {
    keySets: keySets(parts),
    matches: ({ path }) => path.present && partsMatch(parts, path),
  };
}
