import { DEFAULT_TABLE_BYTES, ENTRY_OVERHEAD_BYTES } from './constants.ts';
import type { FieldBlock } from './field-block.ts';
import { decodeHuffman } from './huffman.ts';
import { integerEnd, readInteger } from './integer.ts';
import { identifyName, NAME_BYTES } from './names.ts';
import { isFieldName, isFieldValue, PAIR_FAULT, Pair, type PairCache, REPEATS } from './pair.ts';
import { STATIC_COUNT, STATIC_TABLE, staticPair } from './static-table.ts';

/** The most entries that a table of the size that we announce can have: each counts 32 bytes at least. */
const MAX_ENTRIES = DEFAULT_TABLE_BYTES / ENTRY_OVERHEAD_BYTES;

/** The block can't be read: all that follows on the connection would be read wrong (RFC 9113 section 4.3). */
export const COMPRESSION_FAULT = -1;

/** What can be wrong with a block that was read: the first thing that was. */
export const BLOCK_FAULT = { none: 0, name: 1, value: 2, tooLarge: 3, tooMany: 4 } as const;

const NOTHING = Buffer.alloc(0);
/** An entry that goes keeps memory of so much for the next one that takes its place. */
const KEPT_BYTES = 256;

/** An entry of the dynamic table. Objects are reused. */
class Entry {
  id = 0;
  /** Name (where it is not known) and value, one behind the other. */
  bytes: Buffer = NOTHING;
  nameLength = 0;
  valueLength = 0;
  size = 0;
  fault = 0;
  /** Once it has been referred to. */
  pair: Pair | undefined;
}

/**
 * Reads field blocks (RFC 7541). What is only passed on is never made to text: an indexed field becomes a {@link Pair}, whose bytes have been
 * checked once.
 */
export class HpackDecoder {
  /** What is wrong with the block that was read last, of {@link BLOCK_FAULT}. The connection's state is right nevertheless. */
  fault = 0;
  readonly #pairs: PairCache;
  readonly #maxListBytes: number;
  /** A ring; the newest entry stands in front of `#head`. */
  readonly #entries: Entry[] = Array.from({ length: MAX_ENTRIES }, () => new Entry());
  #head = 0;
  #count = 0;
  #tableBytes = 0;
  #maxTableBytes = DEFAULT_TABLE_BYTES;
  /** A string as it was decoded last: `#text[#textStart..#textEnd)`. */
  #text: Uint8Array = new Uint8Array(0);
  #textStart = 0;
  #textEnd = 0;
  /** How many bytes it was as it came. */
  #codedLength = 0;
  #scratch = Buffer.allocUnsafeSlow(256);
  /** A name that is not known, kept while its value is read. */
  #name = Buffer.allocUnsafeSlow(64);
  #nameLength = 0;

  /** @param maxListBytes the largest list that is taken; what is beyond is read for the table's sake only */
  constructor(pairs: PairCache, maxListBytes: number) {
    this.#pairs = pairs;
    this.#maxListBytes = maxListBytes;
  }

  /** How many bytes the dynamic table holds, and how many entries. */
  get tableBytes(): number {
    return this.#tableBytes;
  }

  get tableCount(): number {
    return this.#count;
  }

  /** Reads the block at `start`..`end` into `into`. @returns 0 or COMPRESSION_FAULT */
  decode(bytes: Uint8Array, start: number, end: number, into: FieldBlock): number {
    into.clear();
    this.fault = BLOCK_FAULT.none;
    let position = start;
    let fieldSeen = false;
    while (position < end) {
      const first = bytes[position] as number;
      if (first >= 0x80) {
        const index = readInteger(bytes, position, end, 7);
        if (index <= 0 || !this.#indexed(index, into)) return COMPRESSION_FAULT;
        position = integerEnd.at;
        fieldSeen = true;
      } else if (first >= 0x40) {
        position = this.#literal(bytes, position, end, 6, into);
        fieldSeen = true;
      } else if (first >= 0x20) {
        // A change of the table's size stands in front of the first field (RFC 7541 section 4.2).
        const size = readInteger(bytes, position, end, 5);
        if (fieldSeen || size < 0 || size > DEFAULT_TABLE_BYTES) return COMPRESSION_FAULT;
        this.#maxTableBytes = size;
        this.#evictTo(size);
        position = integerEnd.at;
      } else {
        position = this.#literal(bytes, position, end, 4, into);
        fieldSeen = true;
      }
      if (position < 0) return COMPRESSION_FAULT;
    }
    return 0;
  }

  #indexed(index: number, into: FieldBlock): boolean {
    if (index <= STATIC_COUNT) {
      this.#addPair(STATIC_TABLE[index] as Pair, into);
      return true;
    }
    const entry = this.#entry(index);
    if (entry === undefined) return false;
    this.#addPair(entry.pair ?? this.#pairOf(entry), into);
    return true;
  }

  #entry(index: number): Entry | undefined {
    const back = index - STATIC_COUNT;
    if (back > this.#count) return undefined;
    return this.#entries[(this.#head - back) & (MAX_ENTRIES - 1)];
  }

  /** Only an entry that is referred to is worth a pair. */
  #pairOf(entry: Entry): Pair {
    const valueEnd = entry.nameLength + entry.valueLength;
    const found =
      entry.id === 0 ? undefined : this.#pairs.find(entry.id, entry.bytes, entry.nameLength, valueEnd, true);
    const name =
      entry.id === 0 ? Buffer.from(entry.bytes.subarray(0, entry.nameLength)) : NAME_BYTES[entry.id];
    entry.pair =
      found ??
      new Pair(entry.id, name as Buffer, Buffer.from(entry.bytes.subarray(entry.nameLength, valueEnd)));
    return entry.pair;
  }

  #addPair(pair: Pair, into: FieldBlock): void {
    if (pair.fault !== PAIR_FAULT.none) this.#note(pair.fault);
    if (this.#fits(into, pair.size)) into.addPair(pair);
  }

  #note(fault: number): void {
    if (this.fault === BLOCK_FAULT.none) this.fault = fault;
  }

  #fits(into: FieldBlock, size: number): boolean {
    if (into.count >= into.maxFields) {
      this.#note(BLOCK_FAULT.tooMany);
      return false;
    }
    if (into.listBytes + size > this.#maxListBytes) {
      this.#note(BLOCK_FAULT.tooLarge);
      return false;
    }
    return true;
  }

  /** @returns the offset behind it, or -1 */
  #literal(bytes: Uint8Array, at: number, end: number, prefix: number, into: FieldBlock): number {
    const neverIndexed = prefix === 4 && ((bytes[at] as number) & 0x10) !== 0;
    const index = readInteger(bytes, at, end, prefix);
    if (index < 0) return -1;
    let position = integerEnd.at;
    let id = 0;
    let fault: number = PAIR_FAULT.none;
    this.#nameLength = 0;
    if (index === 0) {
      position = this.#string(bytes, position, end);
      if (position < 0) return -1;
      id = identifyName(this.#text, this.#textStart, this.#textEnd);
      if (id === 0) {
        this.#keepName(this.#text, this.#textStart, this.#textEnd);
        if (!isFieldName(this.#name, 0, this.#nameLength)) fault = PAIR_FAULT.name;
      }
    } else if (index <= STATIC_COUNT) {
      id = (STATIC_TABLE[index] as Pair).id;
    } else {
      const entry = this.#entry(index);
      if (entry === undefined) return -1;
      id = entry.id;
      if (id === 0) {
        this.#keepName(entry.bytes, 0, entry.nameLength);
        if (entry.fault === PAIR_FAULT.name) fault = PAIR_FAULT.name;
      }
    }
    const valueAt = position;
    if (REPEATS[id] === 1 && !neverIndexed) {
      position = this.#recent(id, bytes, valueAt, end, prefix === 6, into);
      if (position !== 0) return position;
    }
    position = this.#string(bytes, valueAt, end);
    if (position < 0) return -1;
    const coded = (bytes[valueAt] as number) >= 0x80 ? bytes : undefined;
    this.#addLiteral(id, fault, prefix === 6, neverIndexed, coded, position, into);
    return position;
  }

  /** Takes a value that is the same as the last one of its name, without decoding it. @returns the offset behind it, 0 when it is another, -1 when it can't be read */
  #recent(
    id: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    inserts: boolean,
    into: FieldBlock,
  ): number {
    if (at >= end) return -1;
    const length = readInteger(bytes, at, end, 7);
    const start = integerEnd.at;
    if (length < 0 || start + length > end) return -1;
    const pair = this.#pairs.recent(id, (bytes[at] as number) >= 0x80, bytes, start, start + length);
    if (pair === undefined) return 0;
    if (inserts) this.#insert(id, pair.fault, pair);
    this.#addPair(pair, into);
    return start + length;
  }

  /** @param coded where the value stood Huffman-coded, up to `codedEnd`; undefined where it was not */
  #addLiteral(
    id: number,
    nameFault: number,
    inserts: boolean,
    neverIndexed: boolean,
    coded: Uint8Array | undefined,
    codedEnd: number,
    into: FieldBlock,
  ): void {
    const text = this.#text;
    const start = this.#textStart;
    const end = this.#textEnd;
    if (!neverIndexed && REPEATS[id] === 1) {
      const pair = staticPair(id, text, start, end) ?? this.#pairs.find(id, text, start, end, false);
      if (pair !== undefined) {
        this.#pairs.remember(pair, coded, codedEnd - this.#codedLength, codedEnd);
        if (inserts) this.#insert(id, pair.fault, pair);
        this.#addPair(pair, into);
        return;
      }
    }
    let fault = nameFault;
    if (fault === PAIR_FAULT.none && !isFieldValue(text, start, end)) fault = PAIR_FAULT.value;
    if (fault !== PAIR_FAULT.none) this.#note(fault);
    if (inserts) this.#insert(id, fault, undefined);
    const nameLength = id === 0 ? this.#nameLength : (NAME_BYTES[id] as Buffer).length;
    if (!this.#fits(into, nameLength + end - start + ENTRY_OVERHEAD_BYTES)) return;
    const nameStart = into.length;
    if (id === 0) into.append(this.#name, 0, this.#nameLength);
    const valueStart = into.length;
    into.append(text, start, end);
    into.addSpan(id, nameStart, valueStart, valueStart, into.length, neverIndexed);
  }

  /** Reads a string. @returns the offset behind it, or -1 */
  #string(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) return -1;
    const huffman = (bytes[at] as number) >= 0x80;
    const length = readInteger(bytes, at, end, 7);
    const start = integerEnd.at;
    if (length < 0 || start + length > end) return -1;
    this.#codedLength = length;
    if (!huffman) {
      this.#text = bytes;
      this.#textStart = start;
      this.#textEnd = start + length;
      return start + length;
    }
    if (this.#scratch.length < 2 * length) this.#scratch = Buffer.allocUnsafeSlow(4 * length);
    this.#text = this.#scratch;
    this.#textStart = 0;
    this.#textEnd = decodeHuffman(bytes, start, start + length, this.#scratch, 0);
    return this.#textEnd < 0 ? -1 : start + length;
  }

  #keepName(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#name.length < length) this.#name = Buffer.allocUnsafeSlow(2 * length);
    this.#name.set(bytes.subarray(start, end));
    this.#nameLength = length;
  }

  /** Puts the field that was read last into the table. */
  #insert(id: number, fault: number, pair: Pair | undefined): void {
    const nameLength = id === 0 ? this.#nameLength : (NAME_BYTES[id] as Buffer).length;
    const valueLength = pair === undefined ? this.#textEnd - this.#textStart : pair.value.length;
    const size = nameLength + valueLength + ENTRY_OVERHEAD_BYTES;
    this.#evictTo(this.#maxTableBytes - size);
    // An entry larger than the table empties it, and that is no error (RFC 7541 section 4.4).
    if (size > this.#maxTableBytes) return;
    const entry = this.#entries[this.#head] as Entry;
    this.#head = (this.#head + 1) & (MAX_ENTRIES - 1);
    this.#count += 1;
    this.#tableBytes += size;
    entry.id = id;
    entry.size = size;
    entry.fault = fault;
    entry.pair = pair;
    entry.nameLength = id === 0 ? nameLength : 0;
    entry.valueLength = valueLength;
    if (pair !== undefined) return;
    const needed = entry.nameLength + valueLength;
    if (entry.bytes.length < needed) entry.bytes = Buffer.allocUnsafeSlow(needed);
    if (id === 0) this.#name.copy(entry.bytes, 0, 0, nameLength);
    const from = this.#textStart;
    for (let at = 0; at < valueLength; at += 1) {
      entry.bytes[entry.nameLength + at] = this.#text[from + at] as number;
    }
  }

  #evictTo(bytes: number): void {
    while (this.#tableBytes > bytes && this.#count > 0) {
      const entry = this.#entries[(this.#head - this.#count) & (MAX_ENTRIES - 1)] as Entry;
      this.#tableBytes -= entry.size;
      this.#count -= 1;
      entry.pair = undefined;
      if (entry.bytes.length > KEPT_BYTES) entry.bytes = NOTHING;
    }
  }
}
