import type { ClassIndex } from '../core/index.ts';
import type { Id } from './id.ts';
import { AMBIGUOUS_CLASS, NO_CLASS } from './limits.ts';

/** What a table has done so far. All members only grow. */
export interface IdTableCounters {
  /** Look-ups that gave a class. */
  hits: number;
  /** Look-ups of ids that are not there, or no longer. */
  misses: number;
  /** Look-ups that abstained, because requests of different classes have the id. */
  collisions: number;
  /** Ids pushed out by newer ones while their requests were inside. */
  evictions: number;
  /** Ids dropped because nobody released them in time. */
  expirations: number;
}

const NONE = -1;

/** The index has so many places for each id at least, so that runs of taken places stay short; it starts small, to stay in the cache. */
const PLACES_PER_ID = 2;
const FIRST_PLACES = 256;

/**
 * A bounded map from an id to the class of the requests that have it now: least recently used out first, entries expire.
 * All operations take constant time. Entries and ids live in preallocated arrays, of which the kernel gives only what is used; an index
 * with linear probing (Knuth, volume 3, section 6.4, algorithms L and R) finds them, so that no id becomes a string.
 */
export class IdTable {
  readonly counters: IdTableCounters = { hits: 0, misses: 0, collisions: 0, evictions: 0, expirations: 0 };
  readonly #ttlMs: number;
  readonly #capacity: number;
  readonly #idBytes: number;
  /** 1 + the slot of an entry; 0 where there is none. */
  #index = new Int32Array(FIRST_PLACES);
  #mask = FIRST_PLACES - 1;
  readonly #hashes: Int32Array;
  readonly #ids: Uint8Array;
  readonly #lengths: Uint8Array;
  readonly #classIndex: Int32Array;
  /** How many requests with the entry's class are inside. */
  readonly #same: Int32Array;
  /** How many requests with other classes are inside. */
  readonly #other: Int32Array;
  /** The least important class among the requests that have had the entry's id. */
  readonly #least: Int32Array;
  readonly #expiresMs: Float64Array;
  /** Until when the requests that have had the entry's id have, the latest of them. */
  readonly #deadlineMs: Float64Array;
  readonly #newer: Int32Array;
  readonly #older: Int32Array;
  #newest = NONE;
  #oldest = NONE;
  /** Slots that were given back, chained through `#older`, and the first of those that were never used. */
  #free = NONE;
  #unused = 0;
  #size = 0;

  /**
   * @param capacity how many ids, at least 1
   * @param idBytes the longest id, at most 255; longer ones are left out
   */
  constructor(capacity: number, ttlMs: number, idBytes: number) {
    this.#ttlMs = ttlMs;
    this.#capacity = capacity;
    this.#idBytes = idBytes;
    this.#hashes = new Int32Array(capacity);
    this.#ids = new Uint8Array(capacity * idBytes);
    this.#lengths = new Uint8Array(capacity);
    this.#classIndex = new Int32Array(capacity);
    this.#same = new Int32Array(capacity);
    this.#other = new Int32Array(capacity);
    this.#least = new Int32Array(capacity);
    this.#expiresMs = new Float64Array(capacity);
    this.#deadlineMs = new Float64Array(capacity);
    this.#newer = new Int32Array(capacity);
    this.#older = new Int32Array(capacity);
  }

  /** How many ids are in the table, those included that have expired and were not looked up since. */
  get size(): number {
    return this.#size;
  }

  /** A request with this id goes in. An empty id is none. */
  add(id: Id, classIndex: ClassIndex, nowMs: number, deadlineMs = Number.POSITIVE_INFINITY): void {
    if (id.length === 0 || id.length > this.#idBytes) return;
    const known = this.#live(id, nowMs);
    const slot = known === NONE ? this.#insert(id, classIndex, nowMs) : known;
    const counts = this.#classIndex[slot] === classIndex ? this.#same : this.#other;
    counts[slot] = (counts[slot] as number) + 1;
    this.#least[slot] = Math.max(this.#least[slot] as number, classIndex);
    this.#expiresMs[slot] = nowMs + this.#ttlMs;
    this.#deadlineMs[slot] = Math.max(this.#deadlineMs[slot] as number, deadlineMs);
    this.#touch(slot);
  }

  /** A request with this id has left. An id that was evicted meanwhile is no longer there; then nothing happens. */
  remove(id: Id, classIndex: ClassIndex): void {
    const slot = this.#slotOf(id);
    if (slot === NONE) return;
    const counts = this.#classIndex[slot] === classIndex ? this.#same : this.#other;
    counts[slot] = Math.max(0, (counts[slot] as number) - 1);
    if ((this.#same[slot] as number) + (this.#other[slot] as number) === 0) this.#release(slot);
  }

  /** The class of the requests with this id, NO_CLASS or AMBIGUOUS_CLASS. An empty id is none, and is not counted. */
  find(id: Id, nowMs: number): number {
    if (id.length === 0) return NO_CLASS;
    const slot = this.#live(id, nowMs);
    if (slot === NONE) {
      this.counters.misses += 1;
      return NO_CLASS;
    }
    this.#touch(slot);
    if ((this.#other[slot] as number) > 0) {
      this.counters.collisions += 1;
      return AMBIGUOUS_CLASS;
    }
    this.counters.hits += 1;
    return this.#classIndex[slot] as number;
  }

  /** The least important class among the requests that have had this id since it came in; NO_CLASS for an id that is not there. */
  leastImportant(id: Id): number {
    const slot = this.#slotOf(id);
    return slot === NONE ? NO_CLASS : (this.#least[slot] as number);
  }

  /**
   * Until when the requests with this id have: the latest of them, because whichever caused a call, nobody waits longer. Infinity where one
   * of them says nothing, and for an id that is not there.
   */
  deadlineMs(id: Id): number {
    const slot = this.#slotOf(id);
    return slot === NONE ? Number.POSITIVE_INFINITY : (this.#deadlineMs[slot] as number);
  }

  #slotOf(id: Id): number {
    if (id.length === 0) return NONE;
    const { hash } = id;
    for (let place = hash & this.#mask; ; place = (place + 1) & this.#mask) {
      const slot = (this.#index[place] as number) - 1;
      if (slot === NONE) return NONE;
      if (this.#hashes[slot] === hash && this.#has(slot, id)) return slot;
    }
  }

  #has(slot: number, id: Id): boolean {
    const { bytes, length } = id;
    if (this.#lengths[slot] !== length) return false;
    const start = slot * this.#idBytes;
    for (let at = 0; at < length; at += 1) if (this.#ids[start + at] !== bytes[at]) return false;
    return true;
  }

  #live(id: Id, nowMs: number): number {
    const slot = this.#slotOf(id);
    if (slot === NONE || nowMs < (this.#expiresMs[slot] as number)) return slot;
    this.counters.expirations += 1;
    this.#release(slot);
    return NONE;
  }

  #insert(id: Id, classIndex: ClassIndex, nowMs: number): number {
    if (this.#size === this.#capacity) {
      const expired = (this.#expiresMs[this.#oldest] as number) <= nowMs;
      this.counters[expired ? 'expirations' : 'evictions'] += 1;
      this.#release(this.#oldest);
    }
    this.#size += 1;
    if (PLACES_PER_ID * this.#size > this.#index.length) this.#growIndex();
    const slot = this.#freeSlot();
    const { hash, bytes, length } = id;
    this.#hashes[slot] = hash;
    this.#putIntoIndex(slot);
    this.#lengths[slot] = length;
    const start = slot * this.#idBytes;
    for (let at = 0; at < length; at += 1) this.#ids[start + at] = bytes[at] as number;
    this.#classIndex[slot] = classIndex;
    this.#same[slot] = 0;
    this.#other[slot] = 0;
    this.#least[slot] = classIndex;
    this.#deadlineMs[slot] = 0;
    this.#link(slot);
    return slot;
  }

  #putIntoIndex(slot: number): void {
    let place = (this.#hashes[slot] as number) & this.#mask;
    while (this.#index[place] !== 0) place = (place + 1) & this.#mask;
    this.#index[place] = slot + 1;
  }

  #growIndex(): void {
    const old = this.#index;
    this.#index = new Int32Array(2 * old.length);
    this.#mask = this.#index.length - 1;
    for (const taken of old) if (taken !== 0) this.#putIntoIndex(taken - 1);
  }

  #freeSlot(): number {
    const slot = this.#free;
    if (slot === NONE) {
      this.#unused += 1;
      return this.#unused - 1;
    }
    this.#free = this.#older[slot] as number;
    return slot;
  }

  #link(slot: number): void {
    this.#older[slot] = this.#newest;
    this.#newer[slot] = NONE;
    if (this.#newest !== NONE) this.#newer[this.#newest] = slot;
    this.#newest = slot;
    if (this.#oldest === NONE) this.#oldest = slot;
  }

  #unlink(slot: number): void {
    const newer = this.#newer[slot] as number;
    const older = this.#older[slot] as number;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
  }

  #touch(slot: number): void {
    if (this.#newest === slot) return;
    this.#unlink(slot);
    this.#link(slot);
  }

  #release(slot: number): void {
    this.#unlink(slot);
    this.#takeFromIndex(slot);
    this.#older[slot] = this.#free;
    this.#free = slot;
    this.#size -= 1;
  }

  /** Empties the place of a slot, and moves those behind it up that would not be found any more. */
  #takeFromIndex(slot: number): void {
    const index = this.#index;
    const mask = this.#mask;
    let hole = (this.#hashes[slot] as number) & mask;
    while (index[hole] !== slot + 1) hole = (hole + 1) & mask;
    for (let place = (hole + 1) & mask; index[place] !== 0; place = (place + 1) & mask) {
      const home = (this.#hashes[(index[place] as number) - 1] as number) & mask;
      // Whether its home lies behind the hole: then it is found without crossing it.
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      index[hole] = index[place] as number;
      hole = place;
    }
    index[hole] = 0;
  }
}
