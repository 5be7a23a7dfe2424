import { DEFAULT_TABLE_BYTES, ENTRY_OVERHEAD_BYTES } from './constants.ts';
import type { FieldBlock } from './field-block.ts';
import { INTEGER_BYTES, writeInteger } from './integer.ts';
import { identifyName, NAME, NAME_BYTES, NAME_COUNT } from './names.ts';
import type { OutputBuffer } from './output-buffer.ts';
import { type Pair, type PairCache, REPEATS, SECRETS } from './pair.ts';
import { STATIC_COUNT, STATIC_NAME_INDEX, staticPair } from './static-table.ts';

const MAX_ENTRIES = DEFAULT_TABLE_BYTES / ENTRY_OVERHEAD_BYTES;
const SERIAL_SLOTS = 512;
const COLON = 0x3a;
const CR = 0x0d;
/** A larger entry would displace too much that repeats. */
const LARGEST_ENTRY_BYTES = 512;

/**
 * Writes field blocks (RFC 7541). {@link Pair}s are indexed, since they repeat; everything else goes out as a literal, so that what is unique to a
 * message never displaces what repeats. Strings are not Huffman-coded: what that saves on the wire it costs twice in time.
 */
export class HpackEncoder {
  readonly #pairs: PairCache;
  /** A ring of the entries: serial of the pair (0 for one that stands for its name), size, number of the name. */
  readonly #serials = new Float64Array(MAX_ENTRIES);
  readonly #sizes = new Int32Array(MAX_ENTRIES);
  /**
   * When each pair was put in: slots by serial, with the serial and the count of then. Two that share a slot take turns in it, which costs a literal
   * now and then; a Map would cost more each time.
   */
  readonly #slotSerial = new Float64Array(SERIAL_SLOTS);
  readonly #slotWhen = new Float64Array(SERIAL_SLOTS);
  /** When the newest entry of each known name was put in; -1 before. */
  readonly #whenName = new Float64Array(NAME_COUNT).fill(-1);
  #inserted = 0;
  #count = 0;
  #tableBytes = 0;
  #maxTableBytes = DEFAULT_TABLE_BYTES;
  /** The smallest size that the table had since the last block, or -1: it has to be said before the next one (RFC 7541 section 4.2). */
  #smallest = -1;

  constructor(pairs: PairCache) {
    this.#pairs = pairs;
  }

  get tableBytes(): number {
    return this.#tableBytes;
  }

  /** The peer says how large a table it keeps; more than the default is not used. */
  limitTable(bytes: number): void {
    const size = Math.min(bytes, DEFAULT_TABLE_BYTES);
    if (size === this.#maxTableBytes) return;
    this.#smallest = this.#smallest < 0 ? size : Math.min(this.#smallest, size);
    this.#maxTableBytes = size;
    this.#evictTo(size);
  }

  /** Starts a block. */
  begin(out: OutputBuffer): void {
    if (this.#smallest < 0) return;
    out.reserve(2 * INTEGER_BYTES);
    if (this.#smallest < this.#maxTableBytes) {
      out.length = writeInteger(out.bytes, out.length, 0x20, 5, this.#smallest);
    }
    out.length = writeInteger(out.bytes, out.length, 0x20, 5, this.#maxTableBytes);
    this.#smallest = -1;
  }

  /** Writes what is not dropped of a block. */
  block(out: OutputBuffer, block: FieldBlock): void {
    for (let index = 0; index < block.count; index += 1) {
      if (!block.dropped(index)) this.field(out, block, index);
    }
  }

  field(out: OutputBuffer, block: FieldBlock, index: number): void {
    const pair = block.pair(index);
    if (pair !== undefined) {
      this.pair(out, pair);
      return;
    }
    const { bytes } = block;
    const start = block.valueStart(index);
    const end = block.valueEnd(index);
    const id = block.id(index);
    const never = block.neverIndexed(index);
    if (id !== 0) this.#knownLiteral(out, id, bytes, start, end, never);
    else this.#literal(out, bytes, block.nameStart(index), block.nameEnd(index), bytes, start, end, never);
  }

  /** Writes a field that repeats. */
  pair(out: OutputBuffer, pair: Pair): void {
    if (pair.staticIndex > 0) {
      out.reserve(1);
      out.bytes[out.length] = 0x80 | pair.staticIndex;
      out.length += 1;
      return;
    }
    const slot = pair.serial & (SERIAL_SLOTS - 1);
    if (this.#slotSerial[slot] === pair.serial) {
      out.reserve(INTEGER_BYTES);
      const when = this.#slotWhen[slot] as number;
      out.length = writeInteger(out.bytes, out.length, 0x80, 7, STATIC_COUNT + this.#inserted - when);
      return;
    }
    const { id, name, value, size } = pair;
    if (SECRETS[id] === 1) {
      this.#knownLiteral(out, id, value, 0, value.length, false);
      return;
    }
    // Paths fill what is free; they are too many to displace anything.
    const room = this.#maxTableBytes - this.#tableBytes;
    if (size > LARGEST_ENTRY_BYTES || size > (id === NAME[':path'] ? room : this.#maxTableBytes)) {
      if (id !== 0) this.#knownLiteral(out, id, value, 0, value.length, false);
      else this.#literal(out, name, 0, name.length, value, 0, value.length, false);
      return;
    }
    this.#inserting(out, id, name, value, 0, value.length);
    this.#insert(pair.serial, id, size);
  }

  /** Writes the lines of HTTP/1 form (`name: value` CRLF) at `start`..`end`. */
  lines(out: OutputBuffer, bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const nameStart = at;
      while (at < end && bytes[at] !== COLON) at += 1;
      const nameEnd = at;
      const valueStart = at + 2;
      at = valueStart;
      while (at < end && bytes[at] !== CR) at += 1;
      this.#line(out, bytes, nameStart, nameEnd, valueStart, at);
      at += 2;
    }
  }

  #line(
    out: OutputBuffer,
    bytes: Uint8Array,
    nameStart: number,
    nameEnd: number,
    start: number,
    end: number,
  ): void {
    const id = identifyName(bytes, nameStart, nameEnd);
    if (id === 0) this.#literal(out, bytes, nameStart, nameEnd, bytes, start, end, false);
    else this.value(out, id, bytes, start, end);
  }

  /** Writes a field of a known name, indexed once its value has repeated. */
  value(out: OutputBuffer, id: number, bytes: Uint8Array, start: number, end: number): void {
    const pair = REPEATS[id] === 1 ? this.#repeating(id, bytes, start, end) : undefined;
    if (pair !== undefined) this.pair(out, pair);
    else this.#knownLiteral(out, id, bytes, start, end, false);
  }

  #repeating(id: number, bytes: Uint8Array, start: number, end: number): Pair | undefined {
    const recent = this.#pairs.recent(id, false, bytes, start, end);
    if (recent !== undefined) return recent;
    const found = staticPair(id, bytes, start, end) ?? this.#pairs.find(id, bytes, start, end, false);
    if (found !== undefined) this.#pairs.remember(found, undefined, 0, 0);
    return found;
  }

  #knownLiteral(
    out: OutputBuffer,
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    never: boolean,
  ): void {
    const name = NAME_BYTES[id] as Buffer;
    const nameIndex = this.#nameIndex(id);
    if (nameIndex === 0) {
      const size = name.length + end - start + ENTRY_OVERHEAD_BYTES;
      if (never || size > LARGEST_ENTRY_BYTES || size > this.#maxTableBytes) {
        this.#literal(out, name, 0, name.length, bytes, start, end, never);
        return;
      }
      // The first of its name stands in the table so that the others need not spell it.
      this.#inserting(out, 0, name, bytes, start, end);
      this.#insert(0, id, size);
      return;
    }
    out.reserve(2 * INTEGER_BYTES + end - start);
    out.length = writeInteger(out.bytes, out.length, never ? 0x10 : 0x00, 4, nameIndex);
    string(out, bytes, start, end);
  }

  #literal(
    out: OutputBuffer,
    nameBytes: Uint8Array,
    nameStart: number,
    nameEnd: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    never: boolean,
  ): void {
    out.reserve(1 + 2 * INTEGER_BYTES + nameEnd - nameStart + end - start);
    out.bytes[out.length] = never ? 0x10 : 0x00;
    out.length += 1;
    string(out, nameBytes, nameStart, nameEnd);
    string(out, bytes, start, end);
  }

  #inserting(
    out: OutputBuffer,
    id: number,
    name: Buffer,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const nameIndex = id === 0 ? 0 : this.#nameIndex(id);
    out.reserve(3 * INTEGER_BYTES + name.length + end - start);
    out.length = writeInteger(out.bytes, out.length, 0x40, 6, nameIndex);
    if (nameIndex === 0) string(out, name, 0, name.length);
    string(out, bytes, start, end);
  }

  #nameIndex(id: number): number {
    const index = STATIC_NAME_INDEX[id] as number;
    if (index !== 0) return index;
    const when = this.#whenName[id] as number;
    return when >= 0 && when >= this.#inserted - this.#count ? STATIC_COUNT + this.#inserted - when : 0;
  }

  #insert(serial: number, id: number, size: number): void {
    this.#evictTo(this.#maxTableBytes - size);
    const slot = this.#inserted % MAX_ENTRIES;
    this.#serials[slot] = serial;
    this.#sizes[slot] = size;
    if (serial !== 0) {
      this.#slotSerial[serial & (SERIAL_SLOTS - 1)] = serial;
      this.#slotWhen[serial & (SERIAL_SLOTS - 1)] = this.#inserted;
    }
    if (id !== 0) this.#whenName[id] = this.#inserted;
    this.#inserted += 1;
    this.#count += 1;
    this.#tableBytes += size;
  }

  #evictTo(bytes: number): void {
    while (this.#tableBytes > bytes && this.#count > 0) {
      const slot = (this.#inserted - this.#count) % MAX_ENTRIES;
      const serial = this.#serials[slot] as number;
      // Another may have taken its slot, or the same one anew.
      const index = serial & (SERIAL_SLOTS - 1);
      const when = this.#inserted - this.#count;
      if (serial !== 0 && this.#slotSerial[index] === serial && this.#slotWhen[index] === when) {
        this.#slotSerial[index] = 0;
      }
      this.#tableBytes -= this.#sizes[slot] as number;
      this.#count -= 1;
    }
  }
}

/** Appends a string as it is; the caller has reserved the room. */
function string(out: OutputBuffer, bytes: Uint8Array, start: number, end: number): void {
  out.length = writeInteger(out.bytes, out.length, 0, 7, end - start);
  if (end > start) out.append(bytes, start, end);
}
