import { HASH_START, hashKey, hashStep } from '../hash.ts';
import { KEY_KINDS, type Matcher } from '../matcher.ts';

const DOT = 0x2e;

/** Where the name in a lower-case host ends: before the port and before a final dot. */
function nameEnd(host: string): number {
  const afterLiteral = host.startsWith('[') ? host.indexOf(']') + 1 : 0;
  const colon = host.indexOf(':', afterLiteral);
  const end = colon < 0 ? host.length : colon;
  return end > 0 && host.charCodeAt(end - 1) === DOT ? end - 1 : end;
}

/** The hash of a name, taken from its end, so that those of all its parent domains come on the way. */
function hashFromEnd(name: string): number {
  let hash = HASH_START;
  for (let at = name.length - 1; at >= 0; at -= 1) hash = hashStep(hash, name.charCodeAt(at));
  return hash;
}

/** `host`: a name, or `*.name` for all names below it; letter case, port and a final dot say nothing. */
export function hostMatcher(): Matcher {
  let host = '';
  let end = 0;
  return {
    compile(match) {
      if (match.host === undefined) return undefined;
      const pattern = match.host.toLowerCase().replace(/\.$/, '');
      if (pattern === '*') return { keySets: [], matches: () => end > 0 };
      if (!pattern.startsWith('*.')) {
        return {
          keySets: [{ kind: KEY_KINDS.host, keys: [hashKey(hashFromEnd(pattern))] }],
          matches: () => end === pattern.length && host.startsWith(pattern),
        };
      }
      const suffix = pattern.slice(1);
      return {
        keySets: [{ kind: KEY_KINDS.hostSuffix, keys: [hashKey(hashFromEnd(suffix))] }],
        matches: () => end > suffix.length && host.startsWith(suffix, end - suffix.length),
      };
    },
    prepare({ facts }, keys) {
      host = facts.host.toLowerCase();
      end = nameEnd(host);
      let hash = HASH_START;
      for (let at = end - 1; at >= 0; at -= 1) {
        const code = host.charCodeAt(at);
        hash = hashStep(hash, code);
        if (code === DOT) keys.offer(KEY_KINDS.hostSuffix, hashKey(hash));
      }
      keys.offer(KEY_KINDS.host, hashKey(hash));
    },
  };
}
