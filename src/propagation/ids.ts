import { randomFillSync } from 'node:crypto';
import { RANDOM_BATCH_BYTES } from './limits.ts';

/** Fills an array with random bytes. `crypto.randomFillSync` in production; a seeded source in tests. */
export type RandomFill = (into: Uint8Array) => void;

/** Draws identifiers from a random source, in batches. */
export interface IdSource {
  /** A trace id: 32 lower-case hexadecimal digits, not all zero. */
  traceId(): string;
  /** A span id: 16 lower-case hexadecimal digits, not all zero. */
  spanId(): string;
  /** A random UUID (RFC 9562 section 5.4, version 4). */
  uuid(): string;
}

const ZERO_TRACE_ID = '0'.repeat(32);
const ZERO_SPAN_ID = '0'.repeat(16);

/** Makes a source of identifiers. */
export function createIdSource(fill: RandomFill = (into) => void randomFillSync(into)): IdSource {
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

  function hex(bytes: number): string {
    const start = take(bytes);
    return pool.toString('hex', start, start + bytes);
  }

  function nonZero(bytes: number, zero: string): string {
    let id = hex(bytes);
    // A broken source that gives only zeros must not hang the request: the last bit is set instead.
    if (id === zero) id = `${zero.slice(1)}1`;
    return id;
  }

  return {
    traceId: () => nonZero(16, ZERO_TRACE_ID),
    spanId: () => nonZero(8, ZERO_SPAN_ID),
    uuid() {
      const start = take(16);
      pool[start + 6] = ((pool[start + 6] ?? 0) & 0x0f) | 0x40;
      pool[start + 8] = ((pool[start + 8] ?? 0) & 0x3f) | 0x80;
      const digits = pool.toString('hex', start, start + 16);
      return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${digits.slice(12, 16)}-${digits.slice(16, 20)}-${digits.slice(20)}`;
    },
  };
}
