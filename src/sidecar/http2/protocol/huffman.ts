/**
 * Lengths of the codes of RFC 7541 appendix B, by symbol; 256 is EOS. The code is canonical (shorter codes are numerically smaller, codes of one
 * length go up with the symbol), so the lengths say everything.
 */
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
  28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7,
  8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
  13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
  28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
  22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23,
  22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
  25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const EOS = 256;
const LONGEST = 30;
const TABLE_BITS = 10;

/** For each length: the first code, how many codes there are, and where their symbols begin in `symbols`. */
const firstCode = new Int32Array(LONGEST + 1);
const codeCount = new Int32Array(LONGEST + 1);
const firstSymbol = new Int32Array(LONGEST + 1);
const symbols = new Uint16Array(LENGTHS.length);
/** By the next ten bits: length and symbol of a code that is no longer, 0 where it is longer. */
const table = new Uint16Array(1 << TABLE_BITS);

function buildTables(): void {
  let code = 0;
  let placed = 0;
  for (let length = 1; length <= LONGEST; length += 1) {
    code *= 2;
    firstCode[length] = code;
    firstSymbol[length] = placed;
    for (let symbol = 0; symbol < LENGTHS.length; symbol += 1) {
      if (LENGTHS[symbol] !== length) continue;
      symbols[placed] = symbol;
      placed += 1;
      if (length <= TABLE_BITS) {
        const shift = TABLE_BITS - length;
        table.fill((length << 9) | symbol, code << shift, (code + 1) << shift);
      }
      code += 1;
    }
    codeCount[length] = code - (firstCode[length] as number);
  }
}
buildTables();

/**
 * Decodes `start`..`end` to `into` from `at` on. The caller sees to the room: eight bits of input give less than two symbols.
 * @returns the offset behind what was decoded, or -1 when EOS stands in the string or its padding is wrong (RFC 7541 section 5.2)
 */
export function decodeHuffman(
  bytes: Uint8Array,
  start: number,
  end: number,
  into: Uint8Array,
  at: number,
): number {
  let position = start;
  let out = at;
  let held = 0;
  let bits = 0;
  for (;;) {
    while (bits <= 22 && position < end) {
      held = (held << 8) | (bytes[position] as number);
      position += 1;
      bits += 8;
    }
    if (bits < 5) break;
    const index =
      bits >= TABLE_BITS
        ? (held >>> (bits - TABLE_BITS)) & ((1 << TABLE_BITS) - 1)
        : ((held << (TABLE_BITS - bits)) | ((1 << (TABLE_BITS - bits)) - 1)) & ((1 << TABLE_BITS) - 1);
    const entry = table[index] as number;
    const length = entry >>> 9;
    if (length !== 0) {
      if (length > bits) break;
      into[out] = entry;
      out += 1;
      bits -= length;
      continue;
    }
    const found = longCode(bytes, position, end, held, bits);
    if (found < 0) break;
    const symbol = found & 511;
    if (symbol === EOS) return -1;
    into[out] = symbol;
    out += 1;
    // The bits of a long code may reach beyond what is held: go on from behind it.
    const consumed = (position - start) * 8 - bits + (found >>> 9);
    position = start + (consumed >>> 3);
    held = 0;
    bits = 0;
    if ((consumed & 7) !== 0) {
      held = bytes[position] as number;
      position += 1;
      bits = 8 - (consumed & 7);
    }
  }
  // Padding: the most significant bits of EOS, all ones, and fewer than eight.
  const ones = (1 << bits) - 1;
  return bits < 8 && (held & ones) === ones ? out : -1;
}

/** Length and symbol of a code of more than ten bits, or -1 when the string ends within it. */
function longCode(bytes: Uint8Array, position: number, end: number, held: number, bits: number): number {
  let code = 0;
  let next = position;
  let rest = 0;
  let restBits = 0;
  for (let length = 1; length <= LONGEST; length += 1) {
    let bit: number;
    if (length <= bits) {
      bit = (held >>> (bits - length)) & 1;
    } else {
      if (restBits === 0) {
        if (next >= end) return -1;
        rest = bytes[next] as number;
        next += 1;
        restBits = 8;
      }
      restBits -= 1;
      bit = (rest >>> restBits) & 1;
    }
    code = (code << 1) | bit;
    const offset = code - (firstCode[length] as number);
    if (length > TABLE_BITS && offset >= 0 && offset < (codeCount[length] as number)) {
      return (length << 9) | (symbols[(firstSymbol[length] as number) + offset] as number);
    }
  }
  return -1;
}
