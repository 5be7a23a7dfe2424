/** The value of each lower-case hexadecimal digit; 255 for every other byte. */
const HEX_VALUES = (() => {
  const values = new Uint8Array(256).fill(255);
  for (let digit = 0; digit < 10; digit += 1) values[0x30 + digit] = digit;
  for (let digit = 0; digit < 6; digit += 1) values[0x61 + digit] = 10 + digit;
  return values;
})();

const HEX_DIGITS = Buffer.from('0123456789abcdef');
const ZERO = 0x30;

/** The value of a lower-case hexadecimal digit; -1 for anything else. */
export function hexDigit(byte: number): number {
  const value = HEX_VALUES[byte] as number;
  return value === 255 ? -1 : value;
}

/** Whether `length` bytes from `start` are lower-case hexadecimal digits, not all of them zero. */
export function isNonZeroHex(bytes: Uint8Array, start: number, length: number): boolean {
  let any = 0;
  let most = 0;
  for (let at = start; at < start + length; at += 1) {
    const value = HEX_VALUES[bytes[at] as number] as number;
    any |= value;
    if (value > most) most = value;
  }
  return any !== 0 && most < 16;
}

/** Writes bytes as lower-case hexadecimal digits, two for each. */
export function writeHex(from: Uint8Array, start: number, count: number, into: Uint8Array, at: number): void {
  for (let index = 0; index < count; index += 1) {
    const byte = from[start + index] as number;
    into[at + 2 * index] = HEX_DIGITS[byte >>> 4] as number;
    into[at + 2 * index + 1] = HEX_DIGITS[byte & 15] as number;
  }
}

/** Whether the bytes of a range are those of `word`. */
export function equalBytes(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (end - start !== word.length) return false;
  for (let at = 0; at < word.length; at += 1) if (bytes[start + at] !== word[at]) return false;
  return true;
}

/** The position of the word whose bytes a range has; -1 when it has those of none. */
export function indexOfBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  words: readonly Uint8Array[],
): number {
  for (let index = 0; index < words.length; index += 1) {
    if (equalBytes(bytes, start, end, words[index] as Uint8Array)) return index;
  }
  return -1;
}

/** Whether a range is `word` behind as many zeros as are missing to `length` characters: the short form of an identifier. */
export function equalPadded(
  bytes: Uint8Array,
  start: number,
  end: number,
  word: Uint8Array,
  length: number,
): boolean {
  const padding = length - (end - start);
  if (padding < 0) return false;
  for (let at = 0; at < padding; at += 1) if (word[at] !== ZERO) return false;
  for (let at = padding; at < length; at += 1) if (word[at] !== bytes[start + at - padding]) return false;
  return true;
}
