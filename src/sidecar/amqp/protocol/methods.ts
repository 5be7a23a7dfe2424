import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { AmqpFault } from './faults.ts';
import { type FieldTable, readTable, writeTable } from './field-table.ts';
import { FRAME, FRAME_END, FRAME_OVERHEAD, writeFrameHead } from './frames.ts';
import { METHODS, type MethodName } from './method-table.ts';

/** What a domain of the specification is in TypeScript. A longlong is a bigint only where a number would not be exact. */
interface DomainTypes {
  bit: boolean;
  octet: number;
  short: number;
  long: number;
  longlong: number | bigint;
  shortstr: string;
  longstr: string;
  table: FieldTable;
}

type Domain = keyof DomainTypes;
type Domains<N extends MethodName> = (typeof METHODS)[N]['args'];

/** The arguments of a method by name. Texts are UTF-8; bytes that are none are kept as lone surrogates (see `readText`). */
export type MethodArguments<N extends MethodName> = {
  readonly [A in keyof Domains<N>]: Domains<N>[A] extends Domain ? DomainTypes[Domains<N>[A]] : never;
};

/** A method of a known name as it was decoded. */
export interface Method<N extends MethodName> {
  readonly id: number;
  readonly name: N;
  readonly args: MethodArguments<N>;
}

/** Any method as it was decoded; `name` tells which, and so what `args` has. */
export type AnyMethod = { [N in MethodName]: Method<N> }[MethodName];

/** An entry of the method table, widened from its literal types. */
interface Entry {
  readonly id: readonly [classId: number, methodId: number];
  readonly from: 'client' | 'server' | 'both';
  readonly args: Readonly<Record<string, Domain>>;
  readonly replies?: readonly MethodName[];
  readonly content?: true;
}

interface Shape {
  readonly id: number;
  readonly name: MethodName;
  readonly from: Entry['from'];
  readonly content: boolean;
  readonly args: readonly (readonly [name: string, domain: Domain])[];
  readonly replies: readonly number[];
}

const ENTRIES: Readonly<Record<MethodName, Entry>> = METHODS;
const NAMES = Object.keys(METHODS) as MethodName[];

function idOf(name: MethodName): number {
  const [classId, methodId] = ENTRIES[name].id;
  return (classId << 16) | methodId;
}

/** The number of a method: class number times 65536 plus method number, as the 4 bytes at the start of its frame have it. */
export const METHOD: Readonly<Record<MethodName, number>> = Object.fromEntries(
  NAMES.map((name) => [name, idOf(name)]),
) as Record<MethodName, number>;

const SHAPES: ReadonlyMap<number, Shape> = new Map(
  NAMES.map((name) => {
    const { from, args, replies, content } = ENTRIES[name];
    const shape: Shape = {
      id: idOf(name),
      name,
      from,
      content: content === true,
      args: Object.entries(args),
      replies: (replies ?? []).map(idOf),
    };
    return [shape.id, shape];
  }),
);

/** The name of a method by its number; nothing for one that does not exist. */
export function methodName(id: number): MethodName | undefined {
  return SHAPES.get(id)?.name;
}

/** Whether a content header and bodies follow the method. */
export function methodHasContent(id: number): boolean {
  return SHAPES.get(id)?.content === true;
}

/** Whether a client may send the method. */
export function isFromClient(id: number): boolean {
  const from = SHAPES.get(id)?.from;
  return from === 'client' || from === 'both';
}

/** Whether a server may send the method. */
export function isFromServer(id: number): boolean {
  const from = SHAPES.get(id)?.from;
  return from === 'server' || from === 'both';
}

const NO_REPLIES: readonly number[] = [];

/** The methods of which one answers a method; none for one that is not answered. One sent with `noWait` is not answered either. */
export function replyOf(id: number): readonly number[] {
  return SHAPES.get(id)?.replies ?? NO_REPLIES;
}

/** The number of the method in the payload of a method frame; -1 if the payload is shorter than that number. */
export function methodIdAt(
  bytes: Uint8Array,
  payloadStart: number,
  payloadEnd: number = bytes.length,
): number {
  if (payloadEnd - payloadStart < 4) return -1;
  return (
    ((bytes[payloadStart] as number) << 24) |
    ((bytes[payloadStart + 1] as number) << 16) |
    ((bytes[payloadStart + 2] as number) << 8) |
    (bytes[payloadStart + 3] as number)
  );
}

interface DomainCodec<V> {
  readonly zero: V;
  readonly read: (reader: ByteReader) => V;
  readonly write: (writer: ByteWriter, value: V) => void;
}

/** All domains but bits, which share octets. */
const DOMAINS: { readonly [D in Exclude<Domain, 'bit'>]: DomainCodec<DomainTypes[D]> } = {
  octet: { zero: 0, read: (reader) => reader.octet(), write: (writer, value) => writer.octet(value) },
  short: { zero: 0, read: (reader) => reader.short(), write: (writer, value) => writer.short(value) },
  long: { zero: 0, read: (reader) => reader.long(), write: (writer, value) => writer.long(value) },
  longlong: {
    zero: 0,
    read: (reader) => reader.longlong(),
    write: (writer, value) => writer.longlong(value),
  },
  shortstr: {
    zero: '',
    read: (reader) => reader.shortString(),
    write: (writer, value) => writer.shortString(value),
  },
  longstr: {
    zero: '',
    read: (reader) => reader.longString(),
    write: (writer, value) => writer.longString(value),
  },
  table: { zero: [], read: readTable, write: writeTable },
};

/**
 * Reads the payload of a method frame.
 *
 * @throws AmqpFault `syntax` for arguments that are truncated, malformed, beyond `LIMITS` or followed by more bytes; `command` for a
 * method that does not exist.
 */
export function decodeMethod(bytes: Buffer, payloadStart: number, payloadEnd: number): AnyMethod {
  const id = methodIdAt(bytes, payloadStart, payloadEnd);
  if (id === -1) throw new AmqpFault('syntax', 'a method frame without a method');
  const shape = SHAPES.get(id);
  if (shape === undefined) {
    throw new AmqpFault('command', `there is no method ${id >>> 16}.${id & 0xffff}`);
  }
  const reader = new ByteReader(bytes, payloadStart + 4, payloadEnd, shape.name);
  const args: Record<string, DomainTypes[Domain]> = {};
  // Bits that follow one another share octets, the first in the lowest place (section 4.2.5.2).
  let bits = 0;
  let mask = 0x100;
  for (const [name, domain] of shape.args) {
    if (domain !== 'bit') {
      args[name] = DOMAINS[domain].read(reader);
      mask = 0x100;
      continue;
    }
    if (mask === 0x100) {
      bits = reader.octet();
      mask = 1;
    }
    args[name] = (bits & mask) !== 0;
    mask <<= 1;
  }
  if (reader.at !== payloadEnd) throw reader.fault('bytes follow its last argument');
  // The shape gave the names and types of the arguments, which the compiler cannot follow.
  return { id, name: shape.name, args } as unknown as AnyMethod;
}

/** One for all: encoding is never interrupted by another. */
const writer = new ByteWriter();

/**
 * A whole method frame. An argument that is left out is zero, false, empty.
 *
 * @throws AmqpFault `internal` for a text that does not fit a short string; RangeError for a number that does not fit its type.
 */
export function encodeMethod<N extends MethodName>(
  channel: number,
  name: N,
  args: Partial<MethodArguments<N>> = {},
): Buffer {
  const shape = SHAPES.get(METHOD[name]) as Shape;
  const values: Readonly<Record<string, unknown>> = args;
  writer.reset();
  writer.room(FRAME_OVERHEAD - 1);
  writer.long(shape.id);
  let bitsAt = -1;
  let mask = 0x100;
  for (const [argument, domain] of shape.args) {
    if (domain !== 'bit') {
      const codec: DomainCodec<unknown> = DOMAINS[domain] as DomainCodec<unknown>;
      codec.write(writer, values[argument] ?? codec.zero);
      mask = 0x100;
      continue;
    }
    if (mask === 0x100) {
      bitsAt = writer.room(1);
      writer.bytes[bitsAt] = 0;
      mask = 1;
    }
    if (values[argument] === true) writer.bytes[bitsAt] = (writer.bytes[bitsAt] as number) | mask;
    mask <<= 1;
  }
  writeFrameHead(writer.bytes, 0, FRAME.method, channel, writer.at - (FRAME_OVERHEAD - 1));
  writer.octet(FRAME_END);
  return writer.written();
}
