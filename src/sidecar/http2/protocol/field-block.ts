import { ENTRY_OVERHEAD_BYTES } from './constants.ts';
import { NAME_BYTES, NAME_COUNT } from './names.ts';
import type { Pair } from './pair.ts';

const FIRST_BYTES = 512;
const KEPT_BYTES = 4096;
const WORDS = 4;
const NEVER_INDEXED = 1;
const DROPPED = 2;

/**
 * The fields of one message head or trailer, in order. What repeats is held as a {@link Pair}, everything else as offsets into `bytes`; no text is
 * made until somebody asks. Reused from message to message.
 */
export class FieldBlock {
  /** Bytes of names that are not known, and of values that are no part of a pair. */
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  length = 0;
  count = 0;
  /** Size of the list as RFC 9113 section 10.5.1 counts it. */
  listBytes = 0;
  readonly maxFields: number;
  readonly #ids: Uint8Array;
  readonly #flags: Uint8Array;
  readonly #pairs: (Pair | undefined)[];
  readonly #spans: Int32Array;
  /** For each known name: 1 + index of its first field. */
  readonly #first = new Uint16Array(NAME_COUNT);

  constructor(maxFields: number) {
    this.maxFields = maxFields;
    this.#ids = new Uint8Array(maxFields);
    this.#flags = new Uint8Array(maxFields);
    this.#pairs = Array.from({ length: maxFields }, () => undefined);
    this.#spans = new Int32Array(maxFields * WORDS);
  }

  clear(): void {
    for (let index = 0; index < this.count; index += 1) this.#first[this.#ids[index] as number] = 0;
    this.count = 0;
    this.length = 0;
    this.listBytes = 0;
  }

  /** Gives back the memory that a large head made the block grow to. */
  shrink(): void {
    if (this.bytes.length > KEPT_BYTES) this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.length + count));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  /** Appends bytes; the offset of the first is the `length` from before. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.reserve(count);
    let to = this.length;
    if (count > 64) this.bytes.set(bytes.subarray(start, end), to);
    else for (let at = start; at < end; at += 1, to += 1) this.bytes[to] = bytes[at] as number;
    this.length += count;
  }

  /** Adds a field that repeats. The caller has seen to it that there is room. */
  addPair(pair: Pair): void {
    const { count } = this;
    this.#ids[count] = pair.id;
    this.#flags[count] = 0;
    this.#pairs[count] = pair;
    this.count = count + 1;
    if (this.#first[pair.id] === 0) this.#first[pair.id] = count + 1;
    this.listBytes += pair.size;
  }

  /** Adds a field whose value, and name where `id` is 0, stand in `bytes`. */
  addSpan(
    id: number,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
    neverIndexed: boolean,
  ): void {
    const { count } = this;
    this.#ids[count] = id;
    this.#flags[count] = neverIndexed ? NEVER_INDEXED : 0;
    this.#pairs[count] = undefined;
    const word = count * WORDS;
    this.#spans[word] = nameStart;
    this.#spans[word + 1] = nameEnd;
    this.#spans[word + 2] = valueStart;
    this.#spans[word + 3] = valueEnd;
    this.count = count + 1;
    if (this.#first[id] === 0) this.#first[id] = count + 1;
    const nameBytes = id === 0 ? nameEnd - nameStart : (NAME_BYTES[id] as Buffer).length;
    this.listBytes += nameBytes + valueEnd - valueStart + ENTRY_OVERHEAD_BYTES;
  }

  id(index: number): number {
    return this.#ids[index] as number;
  }

  pair(index: number): Pair | undefined {
    return this.#pairs[index];
  }

  neverIndexed(index: number): boolean {
    return ((this.#flags[index] as number) & NEVER_INDEXED) !== 0;
  }

  /** Leaves a field out when the block is sent on. */
  drop(index: number): void {
    this.#flags[index] = (this.#flags[index] as number) | DROPPED;
  }

  dropped(index: number): boolean {
    return ((this.#flags[index] as number) & DROPPED) !== 0;
  }

  /** Index of the first field of a known name, or -1. */
  indexOf(id: number): number {
    return (this.#first[id] as number) - 1;
  }

  nameBytes(index: number): Uint8Array {
    const id = this.#ids[index] as number;
    if (id !== 0) return NAME_BYTES[id] as Buffer;
    const pair = this.#pairs[index];
    if (pair !== undefined) return pair.name;
    return this.bytes.subarray(this.#spans[index * WORDS], this.#spans[index * WORDS + 1]);
  }

  /** Where the name stands in `bytes`, for fields that are no pair and have no known name. */
  nameStart(index: number): number {
    return this.#spans[index * WORDS] as number;
  }

  nameEnd(index: number): number {
    return this.#spans[index * WORDS + 1] as number;
  }

  /** The memory that {@link valueStart} and {@link valueEnd} count in. */
  valueBytes(index: number): Buffer {
    return this.#pairs[index]?.value ?? this.bytes;
  }

  valueStart(index: number): number {
    return this.#pairs[index] === undefined ? (this.#spans[index * WORDS + 2] as number) : 0;
  }

  valueEnd(index: number): number {
    const pair = this.#pairs[index];
    return pair === undefined ? (this.#spans[index * WORDS + 3] as number) : pair.value.length;
  }

  /** The value as text; of what repeats, it is made once. */
  text(index: number): string {
    const pair = this.#pairs[index];
    if (pair !== undefined) return pair.text;
    return this.bytes.toString('latin1', this.#spans[index * WORDS + 2], this.#spans[index * WORDS + 3]);
  }

  name(index: number): string {
    return Buffer.from(this.nameBytes(index)).toString('latin1');
  }
}
