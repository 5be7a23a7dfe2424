const REPLACEMENT = '\ufffd';
/** A byte that is not UTF-8 is kept as this code unit plus the byte: a lone low surrogate, which no UTF-8 text decodes to. */
const ESCAPE_BASE = 0xdc00;

function sequenceLength(bytes: Buffer, at: number, end: number): number {
  const lead = bytes[at] as number;
  if (lead < 0x80) return 1;
  const length =
    lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > end) return 0;
  const decoded = bytes.toString('utf8', at, at + length);
  return decoded.includes(REPLACEMENT) &&
    !(length === 3 && lead === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd)
    ? 0
    : length;
}

function escapedText(bytes: Buffer, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; ) {
    const length = sequenceLength(bytes, at, end);
    text +=
      length === 0
        ? String.fromCharCode(ESCAPE_BASE + (bytes[at] as number))
        : bytes.toString('utf8', at, at + length);
    at += Math.max(1, length);
  }
  return text;
}

/**
 * The text of bytes [start, end). AMQP says that short strings are UTF-8 and RabbitMQ does not check it everywhere, so bytes that are
 * not UTF-8 are kept as lone surrogates U+DC80 to U+DCFF (PEP 383, surrogateescape): `writeText` gives back the very same bytes.
 */
export function readText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  return text.includes(REPLACEMENT) ? escapedText(bytes, start, end) : text;
}

function escapedBytes(text: string): Buffer {
  const parts: Buffer[] = [];
  for (const character of text) {
    const code = character.charCodeAt(0);
    const escaped = character.length === 1 && code >= ESCAPE_BASE + 0x80 && code <= ESCAPE_BASE + 0xff;
    parts.push(escaped ? Buffer.of(code - ESCAPE_BASE) : Buffer.from(character));
  }
  return Buffer.concat(parts);
}

/** Bytes that `writeText` writes for a text. */
export function textBytes(text: string): number {
  return text.isWellFormed() ? Buffer.byteLength(text) : escapedBytes(text).length;
}

/** Up to this length a loop is faster than a call out of JavaScript. */
const SHORT = 24;
/** UTF-8 takes at most so many bytes for a code unit of a JavaScript text. */
export const MAX_BYTES_PER_UNIT = 3;

/** Writes a text that `readText` read, or any other; hands back the position after it. There must be room. */
export function writeText(bytes: Buffer, text: string, at: number): number {
  if (text.length <= SHORT) {
    for (let index = 0; ; index += 1) {
      if (index === text.length) return at + index;
      const code = text.charCodeAt(index);
      if (code > 0x7f) break;
      bytes[at + index] = code;
    }
  }
  return at + (text.isWellFormed() ? bytes.write(text, at) : escapedBytes(text).copy(bytes, at));
}
