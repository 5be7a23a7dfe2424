import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { LIMITS } from './limits.ts';

/**
 * The types of values in a field table by the octet that tells them, in RabbitMQ's dialect (its page "AMQP 0-9-1 errata", section 3),
 * and what they are here. A value of 64 bits is a bigint only where a number would not be exact.
 */
interface FieldTypes {
  t: boolean;
  /** Signed and unsigned, 8 bits; then 16; then 32. */
  b: number;
  B: number;
  s: number;
  u: number;
  I: number;
  i: number;
  /** Signed, 64 bits; the two are one type. */
  l: number | bigint;
  L: number | bigint;
  /** IEEE 754 of 32 and 64 bits. Finite: RabbitMQ knows no others. */
  f: number;
  d: number;
  /** digits / 10^scale; the digits are unsigned, 32 bits. */
  D: { readonly scale: number; readonly digits: number };
  /** A long string. */
  S: string;
  x: Uint8Array;
  A: readonly FieldValue[];
  /** Seconds since 1970, unsigned, 64 bits. */
  T: number | bigint;
  F: FieldTable;
  /** Nothing. */
  V: null;
}

type Type = keyof FieldTypes;

/** A value of a field table with its type on the wire. */
export type FieldValue = {
  readonly [T in Type]: { readonly type: T; readonly value: FieldTypes[T] };
}[Type];

/** A field table: names and values in their order on the wire. A name may stand twice; RabbitMQ takes the first. */
export type FieldTable = readonly (readonly [name: string, field: FieldValue])[];

/** How much of `LIMITS` one outermost table has used. */
class Budget {
  depth = 0;
  values = 0;
}

/** A number where it is exact, else the bigint. */
function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function finite(value: number, reader: ByteReader): number {
  if (!Number.isFinite(value)) throw reader.fault('a number that is not finite');
  return value;
}

function readNested<T>(reader: ByteReader, budget: Budget, read: () => T): T[] {
  const length = reader.long();
  const end = reader.at + length;
  if (end > reader.end) throw reader.fault('a table or array ends too early');
  budget.depth += 1;
  if (budget.depth > LIMITS.tableDepth) throw reader.fault(`tables nest more than ${LIMITS.tableDepth} deep`);
  const items: T[] = [];
  while (reader.at < end) {
    budget.values += 1;
    if (budget.values > LIMITS.tableValues)
      throw reader.fault(`a table has more than ${LIMITS.tableValues} values`);
    items.push(read());
  }
  if (reader.at !== end) throw reader.fault('a value reaches beyond its table or array');
  budget.depth -= 1;
  return items;
}

interface Codec<V> {
  readonly read: (reader: ByteReader, budget: Budget) => V;
  readonly write: (writer: ByteWriter, value: V) => void;
}

const SIGNED_64: Codec<number | bigint> = {
  read: (reader) => exact(reader.bytes.readBigInt64BE(reader.take(8))),
  write: (writer, value) => {
    const start = writer.room(8);
    writer.bytes.writeBigInt64BE(BigInt(value), start);
  },
};

const CODECS: { readonly [T in Type]: Codec<FieldTypes[T]> } = {
  t: {
    read: (reader) => reader.octet() !== 0,
    write: (writer, value) => writer.octet(value ? 1 : 0),
  },
  b: {
    read: (reader) => reader.bytes.readInt8(reader.take(1)),
    write: (writer, value) => {
      const start = writer.room(1);
      writer.bytes.writeInt8(value, start);
    },
  },
  B: {
    read: (reader) => reader.octet(),
    write: (writer, value) => writer.octet(value),
  },
  s: {
    read: (reader) => reader.bytes.readInt16BE(reader.take(2)),
    write: (writer, value) => {
      const start = writer.room(2);
      writer.bytes.writeInt16BE(value, start);
    },
  },
  u: {
    read: (reader) => reader.short(),
    write: (writer, value) => writer.short(value),
  },
  I: {
    read: (reader) => reader.bytes.readInt32BE(reader.take(4)),
    write: (writer, value) => {
      const start = writer.room(4);
      writer.bytes.writeInt32BE(value, start);
    },
  },
  i: {
    read: (reader) => reader.long(),
    write: (writer, value) => writer.long(value),
  },
  l: SIGNED_64,
  L: SIGNED_64,
  f: {
    read: (reader) => finite(reader.bytes.readFloatBE(reader.take(4)), reader),
    write: (writer, value) => {
      const start = writer.room(4);
      writer.bytes.writeFloatBE(value, start);
    },
  },
  d: {
    read: (reader) => finite(reader.bytes.readDoubleBE(reader.take(8)), reader),
    write: (writer, value) => {
      const start = writer.room(8);
      writer.bytes.writeDoubleBE(value, start);
    },
  },
  D: {
    read: (reader) => ({ scale: reader.octet(), digits: reader.long() }),
    write: (writer, value) => {
      writer.octet(value.scale);
      writer.long(value.digits);
    },
  },
  S: {
    read: (reader) => reader.longString(),
    write: (writer, value) => writer.longString(value),
  },
  x: {
    // A copy: the frame's bytes are the connection's, and soon hold other frames.
    read: (reader) => Buffer.from(reader.raw(reader.long())),
    write: (writer, value) => {
      writer.long(value.length);
      writer.raw(value);
    },
  },
  A: {
    read: (reader, budget) => readNested(reader, budget, () => readValue(reader, budget)),
    write: (writer, value) => writeNested(writer, value, (item) => writeValue(writer, item)),
  },
  T: {
    read: (reader) => reader.longlong(),
    write: (writer, value) => writer.longlong(value),
  },
  F: {
    read: (reader, budget) => readEntries(reader, budget),
    write: (writer, value) => writeTable(writer, value),
  },
  V: {
    read: () => null,
    write: () => {},
  },
};

function isType(type: string): type is Type {
  return Object.hasOwn(CODECS, type);
}

function readValue(reader: ByteReader, budget: Budget): FieldValue {
  const type = String.fromCharCode(reader.octet());
  if (!isType(type)) throw reader.fault(`a table has a value of the unknown type ${JSON.stringify(type)}`);
  // The codec of a type reads that type's values, which the compiler cannot follow.
  return { type, value: CODECS[type].read(reader, budget) } as FieldValue;
}

function readEntries(reader: ByteReader, budget: Budget): FieldTable {
  return readNested(reader, budget, () => [reader.shortString(), readValue(reader, budget)] as const);
}

/** Reads a field table with the length before it. Faults of kind `syntax`, also beyond `LIMITS`. */
export function readTable(reader: ByteReader): FieldTable {
  return readEntries(reader, new Budget());
}

function writeNested<T>(writer: ByteWriter, items: readonly T[], write: (item: T) => void): void {
  const lengthAt = writer.room(4);
  for (const item of items) write(item);
  writer.bytes.writeUInt32BE(writer.at - lengthAt - 4, lengthAt);
}

function writeValue(writer: ByteWriter, field: FieldValue): void {
  writer.octet(field.type.charCodeAt(0));
  const codec = CODECS[field.type] as Codec<unknown>;
  codec.write(writer, field.value);
}

/** Writes a field table with the length before it: the bytes that `readTable` read, if it was read. */
export function writeTable(writer: ByteWriter, table: FieldTable): void {
  writeNested(writer, table, ([name, field]) => {
    writer.shortString(name);
    writeValue(writer, field);
  });
}
