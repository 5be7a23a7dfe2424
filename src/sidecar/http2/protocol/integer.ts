/** Where {@link readInteger} stopped; one is shared, because reading is never nested. */
export const integerEnd = { at: 0 };

/** More bytes than an integer below 2^28 needs are an attack or an error. */
const MAX_BYTES = 5;

/**
 * Reads an integer with a prefix of `bits` bits (RFC 7541 section 5.1).
 * @returns the value, with {@link integerEnd} behind it; -1 when it is cut short or larger than 2^28
 */
export function readInteger(bytes: Uint8Array, at: number, end: number, bits: number): number {
  const most = (1 << bits) - 1;
  let value = (bytes[at] as number) & most;
  let position = at + 1;
  if (value === most) {
    for (let shift = 0; ; shift += 7) {
      if (position >= end || position - at > MAX_BYTES) return -1;
      const byte = bytes[position] as number;
      position += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    if (value > 0x0fff_ffff) return -1;
  }
  integerEnd.at = position;
  return value;
}

/** Writes an integer behind the `first` bits of its first byte. @returns the offset behind it */
export function writeInteger(
  bytes: Uint8Array,
  at: number,
  first: number,
  bits: number,
  value: number,
): number {
  const most = (1 << bits) - 1;
  if (value < most) {
    bytes[at] = first | value;
    return at + 1;
  }
  bytes[at] = first | most;
  let position = at + 1;
  let rest = value - most;
  while (rest >= 0x80) {
    bytes[position] = (rest & 0x7f) | 0x80;
    position += 1;
    rest >>>= 7;
  }
  bytes[position] = rest;
  return position + 1;
}

/** The most bytes that {@link writeInteger} writes. */
export const INTEGER_BYTES = 6;
