const PATTERN_BYTES = 64 * 1024;

/** Printable, hard to compress, the same in every process: a linear congruential sequence (Knuth's MMIX constants, low word). */
function makePattern(): Buffer {
  const pattern = Buffer.allocUnsafe(PATTERN_BYTES);
  let state = 1;
  for (let index = 0; index < PATTERN_BYTES; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    pattern[index] = 0x20 + ((state >>> 24) % 0x5f);
  }
  return pattern;
}

let pattern: Buffer | undefined;

/** The body of `bytes` bytes that a service makes, in pieces that are never copied. Do not write to them. */
export function* filler(bytes: number): Generator<Buffer, void> {
  pattern ??= makePattern();
  for (let left = bytes; left > 0; left -= PATTERN_BYTES) {
    yield left >= PATTERN_BYTES ? pattern : pattern.subarray(0, left);
  }
}
