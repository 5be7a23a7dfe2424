import type { ClassIndex } from '../core/index.ts';
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

/**
 * A bounded map from an id to the class of the requests that have it now: least recently used out first, entries expire.
 * All operations take constant time; the entries live in preallocated arrays, linked by position.
 */
export class IdTable {
  readonly counters: IdTableCounters = { hits: 0, misses: 0, collisions: 0, evictions: 0, expirations: 0 };
  readonly #ttlMs: number;
  readonly #slots = new Map<string, number>();
  readonly #ids: string[];
  readonly #classIndex: Int32Array;
  /** How many requests with the entry's class are inside. */
  readonly #same: Int32Array;
  /** How many requests with other classes are inside. */
  readonly #other: Int32Array;
  /** The least important class among the requests that have had the entry's id. */
  readonly #least: Int32Array;
  readonly #expiresMs: Float64Array;
  readonly #newer: Int32Array;
  readonly #older: Int32Array;
  #newest = NONE;
  #oldest = NONE;
  #free = 0;

  /** @param capacity how many ids, at least 1 */
  constructor(capacity: number, ttlMs: number) {
    this.#ttlMs = ttlMs;
    this.#ids = new Array<string>(capacity).fill('');
    this.#classIndex = new Int32Array(capacity);
    this.#same = new Int32Array(capacity);
    this.#other = new Int32Array(capacity);
    this.#least = new Int32Array(capacity);
    this.#expiresMs = new Float64Array(capacity);
    this.#newer = new Int32Array(capacity);
    // Free slots are chained through the same links as used ones.
    this.#older = Int32Array.from({ length: capacity }, (_, slot) => (slot + 1 < capacity ? slot + 1 : NONE));
  }

  /** How many ids are in the table, those included that have expired and were not looked up since. */
  get size(): number {
    return this.#slots.size;
  }

  /** A request with this id goes in. */
  add(id: string, classIndex: ClassIndex, nowMs: number): void {
    const known = this.#live(id, nowMs);
    const slot = known === NONE ? this.#insert(id, classIndex, nowMs) : known;
    if (this.#classIndex[slot] === classIndex) this.#same[slot] = (this.#same[slot] ?? 0) + 1;
    else this.#other[slot] = (this.#other[slot] ?? 0) + 1;
    this.#least[slot] = Math.max(this.#least[slot] ?? 0, classIndex);
    this.#expiresMs[slot] = nowMs + this.#ttlMs;
    this.#touch(slot);
  }

  /** A request with this id has left. An id that was evicted meanwhile is no longer there; then nothing happens. */
  remove(id: string, classIndex: ClassIndex): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    const counts = this.#classIndex[slot] === classIndex ? this.#same : this.#other;
    counts[slot] = Math.max(0, (counts[slot] ?? 0) - 1);
    if ((this.#same[slot] ?? 0) + (this.#other[slot] ?? 0) === 0) this.#release(slot);
  }

  /** The class of the requests with this id, NO_CLASS or AMBIGUOUS_CLASS. */
  find(id: string, nowMs: number): number {
    const slot = this.#live(id, nowMs);
    if (slot === NONE) {
      this.counters.misses += 1;
      return NO_CLASS;
    }
    this.#touch(slot);
    if ((this.#other[slot] ?? 0) > 0) {
      this.counters.collisions += 1;
      return AMBIGUOUS_CLASS;
    }
    this.counters.hits += 1;
    return this.#classIndex[slot] ?? NO_CLASS;
  }

  /** The least important class among the requests that have had this id since it came in; NO_CLASS for an id that is not there. */
  leastImportant(id: string): number {
    const slot = this.#slots.get(id);
    return slot === undefined ? NO_CLASS : (this.#least[slot] ?? NO_CLASS);
  }

  #live(id: string, nowMs: number): number {
    const slot = this.#slots.get(id);
    if (slot === undefined) return NONE;
    if (nowMs < (this.#expiresMs[slot] ?? 0)) return slot;
    this.counters.expirations += 1;
    this.#release(slot);
    return NONE;
  }

  #insert(id: string, classIndex: ClassIndex, nowMs: number): number {
    if (this.#free === NONE) {
      const expired = (this.#expiresMs[this.#oldest] ?? 0) <= nowMs;
      this.counters[expired ? 'expirations' : 'evictions'] += 1;
      this.#release(this.#oldest);
    }
    const slot = this.#free;
    this.#free = this.#older[slot] ?? NONE;
    this.#slots.set(id, slot);
    this.#ids[slot] = id;
    this.#classIndex[slot] = classIndex;
    this.#same[slot] = 0;
    this.#other[slot] = 0;
    this.#least[slot] = classIndex;
    this.#link(slot);
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
    const newer = this.#newer[slot] ?? NONE;
    const older = this.#older[slot] ?? NONE;
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
    this.#slots.delete(this.#ids[slot] ?? '');
    this.#ids[slot] = '';
    this.#older[slot] = this.#free;
    this.#free = slot;
  }
}
