import { identifyName, NAME_COUNT } from './names.ts';
import { Pair } from './pair.ts';

/** RFC 7541 appendix A, from index 1 on. */
const ENTRIES: readonly (readonly [name: string, value?: string])[] = [
  [':authority'],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset'],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language'],
  ['accept-ranges'],
  ['accept'],
  ['access-control-allow-origin'],
  ['age'],
  ['allow'],
  ['authorization'],
  ['cache-control'],
  ['content-disposition'],
  ['content-encoding'],
  ['content-language'],
  ['content-length'],
  ['content-location'],
  ['content-range'],
  ['content-type'],
  ['cookie'],
  ['date'],
  ['etag'],
  ['expect'],
  ['expires'],
  ['from'],
  ['host'],
  ['if-match'],
  ['if-modified-since'],
  ['if-none-match'],
  ['if-range'],
  ['if-unmodified-since'],
  ['last-modified'],
  ['link'],
  ['location'],
  ['max-forwards'],
  ['proxy-authenticate'],
  ['proxy-authorization'],
  ['range'],
  ['referer'],
  ['refresh'],
  ['retry-after'],
  ['server'],
  ['set-cookie'],
  ['strict-transport-security'],
  ['transfer-encoding'],
  ['user-agent'],
  ['vary'],
  ['via'],
  ['www-authenticate'],
];

/** How many entries the static table has; the dynamic table's newest entry has the next index. */
export const STATIC_COUNT: number = ENTRIES.length;

/** By index; 0 is unused. */
export const STATIC_TABLE: readonly Pair[] = [['', ''] as const, ...ENTRIES].map(
  ([name, value = ''], index) => {
    const bytes = Buffer.from(name);
    return new Pair(identifyName(bytes, 0, bytes.length), bytes, Buffer.from(value), index);
  },
);

/** By known name: the first index of the static table with that name, 0 for others. */
export const STATIC_NAME_INDEX: Uint8Array = (() => {
  const indexes = new Uint8Array(NAME_COUNT);
  for (let index = STATIC_COUNT; index >= 1; index -= 1) indexes[STATIC_TABLE[index]?.id ?? 0] = index;
  indexes[0] = 0;
  return indexes;
})();

/** The entry of the static table with this name and value, or undefined. */
export function staticPair(id: number, bytes: Uint8Array, start: number, end: number): Pair | undefined {
  for (let index = STATIC_NAME_INDEX[id] as number; index > 0 && index <= STATIC_COUNT; index += 1) {
    const pair = STATIC_TABLE[index] as Pair;
    if (pair.id !== id) return undefined;
    const { value } = pair;
    if (value.length !== end - start) continue;
    let at = 0;
    while (at < value.length && value[at] === bytes[start + at]) at += 1;
    if (at === value.length) return pair;
  }
  return undefined;
}
