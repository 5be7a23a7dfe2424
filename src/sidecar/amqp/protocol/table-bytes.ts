import { AmqpFault } from './faults.ts';
import { LIMITS } from './limits.ts';
import { MAX_BYTES_PER_UNIT, readText, writeText } from './text.ts';

/*
 * Field tables as bytes, for the path that every message takes: stepping over values and comparing names without making objects.
 * A table that `checkTable` has accepted needs no further bounds checks.
 */

const LONG_STRING = 0x53;
const BYTES = 0x78;
const ARRAY = 0x41;
const TABLE = 0x46;
const SIGNED_LONG = 0x6c;
const UNKNOWN = 0xff;
const COUNTED = 0xfe;

/** Bytes of a value after its type octet, by that octet. */
const VALUE_BYTES = new Uint8Array(256).fill(UNKNOWN);
for (const [types, bytes] of [
  ['V', 0],
  ['tbB', 1],
  ['su', 2],
  ['Iif', 4],
  ['D', 5],
  ['lLdT', 8],
  ['SxAF', COUNTED],
] as const) {
  for (const type of types) VALUE_BYTES[type.charCodeAt(0)] = bytes;
}

/** The unsigned 32-bit number at a position; what lies beyond the bytes counts as zero. */
export function longAt(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

function malformed(text: string): AmqpFault {
  return new AmqpFault('syntax', `content header: ${text}`);
}

/** Checks entries (or items, which have no names) in [start, end); hands back the values counted so far. */
function checkNested(
  bytes: Buffer,
  start: number,
  end: number,
  named: boolean,
  depth: number,
  before: number,
): number {
  if (depth > LIMITS.tableDepth) throw malformed(`tables nest more than ${LIMITS.tableDepth} deep`);
  let values = before;
  for (let at = start; at < end; ) {
    values += 1;
    if (named) at += 1 + (bytes[at] as number);
    if (at >= end) throw malformed('a name reaches beyond its table');
    const type = bytes[at] as number;
    const size = VALUE_BYTES[type] as number;
    at += 1;
    if (size === COUNTED) {
      if (end - at < 4) throw malformed('a value reaches beyond its table');
      const from = at + 4;
      at = from + longAt(bytes, at);
      if (at > end) throw malformed('a value reaches beyond its table');
      if (type === TABLE || type === ARRAY)
        values = checkNested(bytes, from, at, type === TABLE, depth + 1, values);
    } else {
      if (size === UNKNOWN) throw malformed(`a value of the unknown type ${type}`);
      at += size;
      if (at > end) throw malformed('a value reaches beyond its table');
    }
  }
  if (values > LIMITS.tableValues) throw malformed(`a table has more than ${LIMITS.tableValues} values`);
  return values;
}

/** Checks the entries of a table, which lie in [start, end). Throws AmqpFault `syntax`. */
export function checkTable(bytes: Buffer, start: number, end: number): void {
  checkNested(bytes, start, end, true, 1, 0);
}

/** Where the value after the type octet at `at` ends. */
function valueEnd(bytes: Buffer, at: number): number {
  const size = VALUE_BYTES[bytes[at] as number] as number;
  return size === COUNTED ? at + 5 + longAt(bytes, at + 1) : at + 1 + size;
}

/** Where the entry that begins at `at`, with the length of its name, ends. */
export function entryEnd(bytes: Buffer, at: number): number {
  return valueEnd(bytes, at + 1 + (bytes[at] as number));
}

/** Whether the entry that begins at `at` has this name. Names are compared byte for byte, as AMQP does. */
export function hasName(bytes: Buffer, at: number, name: string): boolean {
  const length = bytes[at] as number;
  if (name.length > length) return false;
  for (let index = 0; index < name.length; index += 1) {
    const code = name.charCodeAt(index);
    if (code > 0x7f) return readText(bytes, at + 1, at + 1 + length) === name;
    if (code !== bytes[at + 1 + index]) return false;
  }
  return name.length === length;
}

/** Where the first entry of this name begins in the entries [start, end); -1 if there is none. */
export function findEntry(bytes: Buffer, start: number, end: number, name: string): number {
  for (let at = start; at < end; at = entryEnd(bytes, at)) {
    if (hasName(bytes, at, name)) return at;
  }
  return -1;
}

/** The value of the entry that begins at `at`, if it is a text, bytes (as text) or an integer. Integers beyond 2^53 are rounded. */
export function simpleValue(bytes: Buffer, at: number): string | number | undefined {
  const typeAt = at + 1 + (bytes[at] as number);
  const from = typeAt + 1;
  const type = bytes[typeAt] as number;
  if (type === LONG_STRING || type === BYTES)
    return readText(bytes, from + 4, from + 4 + longAt(bytes, from));
  switch (String.fromCharCode(type)) {
    case 'b':
      return bytes.readInt8(from);
    case 'B':
      return bytes[from];
    case 's':
      return bytes.readInt16BE(from);
    case 'u':
      return bytes.readUInt16BE(from);
    case 'I':
      return bytes.readInt32BE(from);
    case 'i':
      return longAt(bytes, from);
    case 'l':
    case 'L':
      return bytes.readInt32BE(from) * 0x1_0000_0000 + longAt(bytes, from + 4);
    default:
      return undefined;
  }
}

/** Bytes that `writeEntry` needs at most. */
export function entryBound(name: string, value: string | number): number {
  return (
    1 +
    MAX_BYTES_PER_UNIT * name.length +
    1 +
    (typeof value === 'string' ? 4 + MAX_BYTES_PER_UNIT * value.length : 8)
  );
}

/** Writes an entry: a text as S, an integer as l. Hands back the position after it. */
export function writeEntry(bytes: Buffer, start: number, name: string, value: string | number): number {
  const typeAt = writeText(bytes, name, start + 1);
  const nameBytes = typeAt - start - 1;
  if (nameBytes > 0xff)
    throw new AmqpFault('internal', `a header name of ${nameBytes} bytes: at most 255 fit`);
  bytes[start] = nameBytes;
  if (typeof value === 'string') {
    bytes[typeAt] = LONG_STRING;
    const end = writeText(bytes, value, typeAt + 5);
    bytes.writeUInt32BE(end - typeAt - 5, typeAt + 1);
    return end;
  }
  if (!Number.isSafeInteger(value))
    throw new AmqpFault('internal', `the header ${name} is not an exact integer`);
  bytes[typeAt] = SIGNED_LONG;
  const high = Math.floor(value / 0x1_0000_0000);
  bytes.writeInt32BE(high, typeAt + 1);
  bytes.writeUInt32BE(value - high * 0x1_0000_0000, typeAt + 5);
  return typeAt + 9;
}
