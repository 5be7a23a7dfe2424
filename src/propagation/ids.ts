import { fillRandom } from '../core/index.ts';
import { writeHex } from './bytes.ts';
import type { Id } from './id.ts';
import { RANDOM_BATCH_BYTES } from './limits.ts';

/** Fills an array with random bytes. The operating system's in production; a seeded source in tests. */
export type RandomFill = (into: Uint8Array) => void;

/** Draws identifiers from a random source, in batches. */
export interface IdSource {
  /** A trace id: 32 lower-case hexadecimal digits, not all zero. */
  trace(into: Id): void;
  /** A span id: 16 lower-case hexadecimal digits, not all zero. */
  span(into: Id): void;
  /** A random UUID (RFC 9562 section 5.4, version 4). */
  uuid(into: Id): void;
}

const TRACE_BYTES = 16;
const SPAN_BYTES = 8;
const UUID_BYTES = 16;
const UUID_CHARACTERS = 36;
const DASH = 0x2d;

/** Makes a source of identifiers. */
export function createIdSource(fill: RandomFill = fillRandom): IdSource {
  const pool = Buffer.alloc(RANDOM_BATCH_BYTES);
  let used = pool.length;

  function take(bytes: number): number {
    if (used + bytes > pool.length) {
      fill(pool);
      used = 0;
    }
    const start = used;
    used += bytes;
    return start;
  }

  function nonZero(count: number, into: Id): void {
    const start = take(count);
    let any = 0;
    for (let at = start; at < start + count; at += 1) any |= pool[at] as number;
    // A broken source that gives only zeros must not hang the request: the last bit is set instead.
    if (any === 0) pool[start + count - 1] = 1;
    into.reserve(2 * count);
    writeHex(pool, start, count, into.bytes, 0);
  }

  return {
    trace: (into) => nonZero(TRACE_BYTES, into),
    span: (into) => nonZero(SPAN_BYTES, into),
    uuid(into) {
      const start = take(UUID_BYTES);
      pool[start + 6] = ((pool[start + 6] as number) & 0x0f) | 0x40;
      pool[start + 8] = ((pool[start + 8] as number) & 0x3f) | 0x80;
      into.reserve(UUID_CHARACTERS);
      const { bytes } = into;
      writeHex(pool, start, 4, bytes, 0);
      writeHex(pool, start + 4, 2, bytes, 9);
      writeHex(pool, start + 6, 2, bytes, 14);
      writeHex(pool, start + 8, 2, bytes, 19);
      writeHex(pool, start + 10, 6, bytes, 24);
      bytes[8] = DASH;
      bytes[13] = DASH;
      bytes[18] = DASH;
      bytes[23] = DASH;
    },
  };
}
