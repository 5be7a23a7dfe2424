import { randomSeed } from '../core/index.ts';

const KEY_0 = randomSeed() | 0;
const KEY_1 = randomSeed() | 0;
const state = new Int32Array(4);

function round(): void {
  let v0 = state[0] as number;
  let v1 = state[1] as number;
  let v2 = state[2] as number;
  let v3 = state[3] as number;
  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
  v2 = (v2 << 16) | (v2 >>> 16);
  state[0] = v0;
  state[1] = v1;
  state[2] = v2;
  state[3] = v3;
}

function take(word: number): void {
  state[3] = (state[3] as number) ^ word;
  round();
  state[0] = (state[0] as number) ^ word;
}

/**
 * HalfSipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; its variant of 32-bit words) under a key drawn when the
 * process starts: callers choose ids, and must not be able to choose such as fall into one place of a table.
 */
export function hashBytes(bytes: Uint8Array, length: number): number {
  state[0] = KEY_0;
  state[1] = KEY_1;
  state[2] = 0x6c796765 ^ KEY_0;
  state[3] = 0x74656462 ^ KEY_1;
  const whole = length & ~3;
  for (let at = 0; at < whole; at += 4) {
    take(
      (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24),
    );
  }
  let last = length << 24;
  for (let at = whole; at < length; at += 1) last |= (bytes[at] as number) << (8 * (at - whole));
  take(last);
  state[2] = (state[2] as number) ^ 0xff;
  round();
  round();
  round();
  return (state[1] as number) ^ (state[3] as number);
}
