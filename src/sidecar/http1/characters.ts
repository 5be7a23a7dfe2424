/** Which bytes may stand where in an HTTP/1.1 head; each table has 1 for an allowed byte. */
function table(allowed: (byte: number) => boolean): Uint8Array {
  const bytes = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte += 1) bytes[byte] = allowed(byte) ? 1 : 0;
  return bytes;
}

function among(characters: string): (byte: number) => boolean {
  const codes = new Set(Array.from(characters, (character) => character.charCodeAt(0)));
  return (byte) => codes.has(byte);
}

const isAlphanumeric = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
const isTokenMark = among("!#$%&'*+-.^_`|~");
const isHostMark = among('-._~%:[]');

/** `tchar` (RFC 9110 section 5.6.2): methods and field names. */
export const TOKEN = table((byte) => isAlphanumeric(byte) || isTokenMark(byte));

/** Field values and reason phrases (RFC 9110 section 5.5): HTAB, SP, visible ASCII, obs-text. Never CR, LF or NUL. */
export const FIELD_VALUE = table((byte) => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f));

/** Request targets: visible ASCII without `#`, which no target may contain (RFC 9112 section 3.2). */
export const TARGET = table((byte) => byte > 0x20 && byte < 0x7f && byte !== 0x23);

/** Host names and IP literals with an optional port, without user information, lists or empty space. */
export const HOST = table((byte) => isAlphanumeric(byte) || isHostMark(byte));

/** The value of a hexadecimal digit, or 255. */
export const HEX_VALUE = (() => {
  const values = new Uint8Array(256).fill(255);
  for (let digit = 0; digit < 10; digit += 1) values[0x30 + digit] = digit;
  for (let digit = 0; digit < 6; digit += 1) {
    values[0x41 + digit] = 10 + digit;
    values[0x61 + digit] = 10 + digit;
  }
  return values;
})();

export const CR = 0x0d;
export const LF = 0x0a;
export const SP = 0x20;
export const HTAB = 0x09;
export const COLON = 0x3a;

/** Compares bytes with a lower-case ASCII word without regard to letter case. */
export function equalsIgnoringCase(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (end - start !== word.length) return false;
  for (let index = 0; index < word.length; index += 1) {
    let byte = bytes[start + index] as number;
    if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
    if (byte !== word[index]) return false;
  }
  return true;
}
