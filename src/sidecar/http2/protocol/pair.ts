import { FIELD_VALUE, TOKEN } from '../../http1/index.ts';
import { ENTRY_OVERHEAD_BYTES } from './constants.ts';
import { identifyName, NAME, NAME_BYTES } from './names.ts';

/** Bytes of a field name: tokens without upper case (RFC 9113 section 8.2.1). A leading colon is looked at elsewhere. */
const LOWER_TOKEN: Uint8Array = TOKEN.map((allowed, byte) => (byte >= 0x41 && byte <= 0x5a ? 0 : allowed));

/** Whether a field name may stand in a message. */
export function isFieldName(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end) return false;
  for (let at = start; at < end; at += 1) if (LOWER_TOKEN[bytes[at] as number] === 0) return false;
  return true;
}

/** Whether a field value may stand in a message: no control bytes, no blank at either end (RFC 9113 section 8.2.1). */
export function isFieldValue(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (FIELD_VALUE[bytes[at] as number] === 0) return false;
  return start === end || (!isBlank(bytes[start] as number) && !isBlank(bytes[end - 1] as number));
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** What is wrong with a field taken by itself. */
export const PAIR_FAULT = { none: 0, name: 1, value: 2 } as const;

/** A name and a value that repeat: read, checked and made to text once. */
export class Pair {
  /** Never used twice, so that an encoder can know by it what stands in its table. */
  readonly serial: number;
  /** Number of the name, 0 for one that is not known. */
  readonly id: number;
  readonly name: Buffer;
  readonly value: Buffer;
  readonly text: string;
  /** The index in the static table where the pair stands, or 0. */
  readonly staticIndex: number;
  /** As it counts in tables and limits. */
  readonly size: number;
  readonly fault: number;
  /** The value as it is Huffman-coded, once it has come so. */
  coded: Buffer | undefined;

  static #serials = 0;

  constructor(id: number, name: Buffer, value: Buffer, staticIndex = 0) {
    Pair.#serials += 1;
    this.serial = Pair.#serials;
    this.id = id;
    this.name = name;
    this.value = value;
    this.text = value.toString('latin1');
    this.staticIndex = staticIndex;
    this.size = name.length + value.length + ENTRY_OVERHEAD_BYTES;
    const nameIsGood = id !== 0 || isFieldName(name, 0, name.length);
    const valueIsGood = isFieldValue(value, 0, value.length);
    this.fault = nameIsGood ? (valueIsGood ? PAIR_FAULT.none : PAIR_FAULT.value) : PAIR_FAULT.name;
  }

  /** The pair of a name and a value that are known to repeat, such as those that the sidecar writes. */
  static of(name: string, value: string): Pair {
    const nameBytes = Buffer.from(name, 'latin1');
    return new Pair(identifyName(nameBytes, 0, nameBytes.length), nameBytes, Buffer.from(value, 'latin1'));
  }
}

/** Values that differ from message to message: to look for repetition among them would be in vain. */
const UNIQUE = new Set<number>([
  NAME['content-length'],
  NAME.traceparent,
  NAME.b3,
  NAME['x-b3-traceid'],
  NAME['x-b3-spanid'],
  NAME['x-b3-parentspanid'],
  NAME['x-request-id'],
  NAME['grpc-timeout'],
  NAME['grpc-message'],
  NAME.authorization,
  NAME['proxy-authorization'],
  NAME.cookie,
  NAME['set-cookie'],
  NAME.etag,
  NAME.location,
]);

/** By name: whether a value seen twice is kept as a pair. */
export const REPEATS: Uint8Array = Uint8Array.from(NAME_BYTES, (_, id) =>
  id === 0 || UNIQUE.has(id) ? 0 : 1,
);

/** By name: whether a value is never put into a table that many callers share, where its size could be guessed at (RFC 7541 section 7.1). */
export const SECRETS: Uint8Array = new Uint8Array(NAME_BYTES.length);
for (const name of ['authorization', 'proxy-authorization', 'cookie', 'set-cookie'] as const)
  SECRETS[NAME[name]] = 1;

const SLOTS = 512;
const SEEN = 4096;
const LARGEST_VALUE_BYTES = 512;

/**
 * Finds what repeats, over all connections: a value of a known name that comes a second time becomes a {@link Pair}. Fixed in size; what collides
 * displaces, so that a peer who sends ever new values costs others a copy and nothing else.
 */
export class PairCache {
  readonly #slots: (Pair | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  readonly #seen = new Uint8Array(SEEN);
  /** By name: what was found last, since most names have one value for most of the time. */
  readonly #recent: (Pair | undefined)[] = Array.from({ length: NAME_BYTES.length }, () => undefined);

  /** What was found last for a name, if its value is the one at `start`..`end`, Huffman-coded or not. */
  recent(id: number, coded: boolean, bytes: Uint8Array, start: number, end: number): Pair | undefined {
    const pair = this.#recent[id];
    if (pair === undefined) return undefined;
    const value = coded ? pair.coded : pair.value;
    return value !== undefined && equals(value, bytes, start, end - start) ? pair : undefined;
  }

  /** A pair was found. @param bytes as what it came, Huffman-coded at `start`..`end`; undefined where it was not */
  remember(pair: Pair, bytes: Uint8Array | undefined, start: number, end: number): void {
    this.#recent[pair.id] = pair;
    if (bytes !== undefined) pair.coded ??= Buffer.from(bytes.subarray(start, end));
  }

  /**
   * The pair of a known name with the value at `start`..`end`, once it has come twice.
   * @param repeated whether it is known to have come before
   */
  find(id: number, bytes: Uint8Array, start: number, end: number, repeated: boolean): Pair | undefined {
    const length = end - start;
    if (length > LARGEST_VALUE_BYTES) return undefined;
    let hash = Math.imul(id, 0x9e3779b1) ^ length;
    for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    hash ^= hash >>> 15;
    const slot = hash & (SLOTS - 1);
    const found = this.#slots[slot];
    if (found !== undefined && found.id === id && equals(found.value, bytes, start, length)) return found;
    const seenAt = (hash >>> 9) & (SEEN - 1);
    const mark = (hash >>> 21) & 0xff || 1;
    if (!repeated && this.#seen[seenAt] !== mark) {
      this.#seen[seenAt] = mark;
      return undefined;
    }
    const name = NAME_BYTES[id] as Buffer;
    const pair = new Pair(id, name, Buffer.from(bytes.subarray(start, end)));
    this.#slots[slot] = pair;
    return pair;
  }
}

function equals(value: Buffer, bytes: Uint8Array, start: number, length: number): boolean {
  if (value.length !== length) return false;
  for (let at = 0; at < length; at += 1) if (value[at] !== bytes[start + at]) return false;
  return true;
}
