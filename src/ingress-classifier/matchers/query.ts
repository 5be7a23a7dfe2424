import { hashKey, hashText } from '../hash.ts';
import { MAX_QUERY_CHARACTERS, MAX_QUERY_PARAMETERS } from '../limits.ts';
import { KEY_KINDS, type KeySink, type Matcher } from '../matcher.ts';
import type { RequestView } from '../request-view.ts';

/** A parameter that rules ask for, and its values in the request at hand. */
interface Parameter {
  readonly seed: number;
  readonly values: string[];
}

/** Decodes `application/x-www-form-urlencoded` text: `+` is a space, valid percent-encodings are bytes of UTF-8, all else stays. */
function decode(text: string): string {
  if (!/[%+\x80-\xff]/.test(text)) return text;
  const bytes = text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/**
 * `query`: a parameter's value, or `*` for any. Where a parameter comes several times servers differ in which one they
 * take: then the request is ambiguous, all values must match in the strict reading and one in the lenient.
 */
export function queryMatcher(): Matcher {
  const wanted = new Map<string, Parameter>();

  function parameter(name: string): Parameter {
    let found = wanted.get(name);
    if (found === undefined) {
      found = { seed: hashText(`${name}=`), values: [] };
      wanted.set(name, found);
    }
    return found;
  }

  function take(query: string, from: number, to: number): Parameter | undefined {
    const equals = query.indexOf('=', from);
    const nameEnd = equals < 0 || equals > to ? to : equals;
    const found = wanted.get(decode(query.slice(from, nameEnd)));
    found?.values.push(decode(query.slice(Math.min(nameEnd + 1, to), to)));
    return found;
  }

  function parse(request: RequestView): void {
    const { query } = request.facts;
    let parameters = 0;
    let at = 0;
    request.queryOversized = query.length > MAX_QUERY_CHARACTERS;
    while (at < query.length && !request.queryOversized) {
      const ampersand = query.indexOf('&', at);
      const end = ampersand < 0 ? query.length : ampersand;
      if (end > at) {
        parameters += 1;
        request.queryOversized = parameters > MAX_QUERY_PARAMETERS;
        if ((take(query, at, end)?.values.length ?? 0) > 1) request.ambiguous = true;
      }
      at = end + 1;
    }
  }

  function offerKeys(keys: KeySink): void {
    for (const { seed, values } of wanted.values()) {
      for (const value of values) keys.offer(KEY_KINDS.query, hashKey(hashText(value, seed)));
    }
  }

  return {
    compile({ query }) {
      if (query === undefined) return undefined;
      const asked = Object.entries(query).map(([name, value]) => ({
        expected: value,
        parameter: parameter(name),
      }));
      return {
        keySets: asked
          .filter(({ expected }) => expected !== '*')
          .map(({ expected, parameter: { seed } }) => ({
            kind: KEY_KINDS.query,
            keys: [hashKey(hashText(expected, seed))],
          })),
        matches({ reading }) {
          for (const { expected, parameter: found } of asked) {
            if (found.values.length === 0) return false;
            if (expected === '*') continue;
            const all = reading === 'strict';
            if (all ? found.values.some((value) => value !== expected) : !found.values.includes(expected))
              return false;
          }
          return true;
        },
      };
    },
    prepare(request, keys) {
      if (request.reading === 'strict') {
        for (const found of wanted.values()) found.values.length = 0;
        if (request.facts.query !== '') parse(request);
      }
      if (request.facts.query !== '') offerKeys(keys);
    },
  };
}
