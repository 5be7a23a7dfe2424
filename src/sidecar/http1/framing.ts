import { COLON, equalsIgnoringCase, HTAB, SP } from './characters.ts';
import type { FieldLines } from './field-lines.ts';
import { FIELD, identifyField } from './known-fields.ts';
import { REFUSED } from './refusal.ts';

/** How the end of a body is found (RFC 9112 section 6.3). */
export type BodyKind = 'none' | 'length' | 'chunked' | 'until-close';

const CHUNKED = Buffer.from('chunked');
const CLOSE = Buffer.from('close');
const TIMEOUT = Buffer.from('timeout=');

/** The most digits that a Content-Length may have: more than 10^15 bytes are refused. */
const MAX_LENGTH_DIGITS = 15;

/** What Content-Length and Transfer-Encoding say together. */
export class BodyFraming {
  kind: BodyKind = 'none';
  /** The announced length, or -1. */
  contentLength = -1;

  /**
   * Reads both fields; any sign of a second meaning is refused (RFC 9112 sections 6.1 to 6.3).
   * @param base absolute offset of the head's first byte
   * @returns 0, or a negative refusal
   */
  read(bytes: Uint8Array, base: number, lines: FieldLines, minorVersion: number): number {
    this.kind = 'none';
    this.contentLength = -1;
    const lengthIndex = lines.indexOf(FIELD['content-length']);
    if (lengthIndex >= 0) {
      if (lines.occurrences(FIELD['content-length']) > 1) return REFUSED['content-length-duplicate'];
      if (!isTight(bytes, base, lines, lengthIndex)) return REFUSED['content-length-invalid'];
      const length = parseLength(
        bytes,
        base + lines.valueStart(lengthIndex),
        base + lines.valueEnd(lengthIndex),
      );
      if (length < 0) return length;
      this.kind = 'length';
      this.contentLength = length;
    }
    const codingIndex = lines.indexOf(FIELD['transfer-encoding']);
    if (codingIndex < 0) return 0;
    if (lengthIndex >= 0) return REFUSED['transfer-encoding-with-length'];
    if (minorVersion === 0) return REFUSED['transfer-encoding-version'];
    const valueStart = base + lines.valueStart(codingIndex);
    const valueEnd = base + lines.valueEnd(codingIndex);
    if (
      lines.occurrences(FIELD['transfer-encoding']) > 1 ||
      !isTight(bytes, base, lines, codingIndex) ||
      !equalsIgnoringCase(bytes, valueStart, valueEnd, CHUNKED)
    ) {
      return REFUSED['transfer-encoding-unsupported'];
    }
    this.kind = 'chunked';
    return 0;
  }
}

/** Whether only spaces stand before the value and nothing behind it: parsers differ in what else they cut off. */
function isTight(bytes: Uint8Array, base: number, lines: FieldLines, index: number): boolean {
  for (let at = lines.nameEnd(index) + 1; at < lines.valueStart(index); at += 1) {
    if (bytes[base + at] !== SP) return false;
  }
  return lines.valueEnd(index) + 2 === lines.lineEnd(index);
}

function parseLength(bytes: Uint8Array, start: number, end: number): number {
  if (end === start || end - start > MAX_LENGTH_DIGITS) return REFUSED['content-length-invalid'];
  let length = 0;
  for (let index = start; index < end; index += 1) {
    const digit = (bytes[index] as number) - 0x30;
    if (digit < 0 || digit > 9) return REFUSED['content-length-invalid'];
    length = length * 10 + digit;
  }
  return length;
}

/** Bit n set: field n is Connection or a field that ends here whatever Connection says. */
const HOP_BY_HOP = [
  FIELD.connection,
  FIELD['keep-alive'],
  FIELD['proxy-connection'],
  FIELD.te,
  FIELD.upgrade,
  FIELD['http2-settings'],
].reduce((bits, id) => bits | (1 << id), 0);

/** What Connection says, and which lines therefore do not travel on (RFC 9110 section 7.6.1). */
export class ConnectionOptions {
  close = false;
  /** Line indexes that are removed, ascending. */
  readonly removed: Int32Array;
  removedCount = 0;

  constructor(maxLines: number) {
    this.removed = new Int32Array(maxLines);
  }

  /** Reads the options. @returns 0, or a negative refusal when Connection names a field that framing or routing needs. */
  read(bytes: Uint8Array, base: number, lines: FieldLines): number {
    this.close = false;
    this.removedCount = 0;
    if ((lines.known & HOP_BY_HOP) === 0) return 0;
    for (let index = 0; index < lines.count; index += 1) {
      const id = lines.id(index);
      if (id === FIELD.connection) {
        this.#remove(index);
        const verdict = this.#readTokens(
          bytes,
          base,
          lines,
          base + lines.valueStart(index),
          base + lines.valueEnd(index),
        );
        if (verdict < 0) return verdict;
      } else if (isHopByHop(id)) {
        this.#remove(index);
      }
    }
    return 0;
  }

  #readTokens(bytes: Uint8Array, base: number, lines: FieldLines, start: number, end: number): number {
    let position = start;
    while (position < end) {
      let comma = position;
      while (comma < end && bytes[comma] !== 0x2c) comma += 1;
      let tokenStart = position;
      let tokenEnd = comma;
      while (tokenStart < tokenEnd && isBlank(bytes[tokenStart] as number)) tokenStart += 1;
      while (tokenEnd > tokenStart && isBlank(bytes[tokenEnd - 1] as number)) tokenEnd -= 1;
      position = comma + 1;
      if (tokenStart === tokenEnd) continue;
      if (equalsIgnoringCase(bytes, tokenStart, tokenEnd, CLOSE)) {
        this.close = true;
        continue;
      }
      const id = identifyField(bytes, tokenStart, tokenEnd);
      if (isEssential(id)) return REFUSED['connection-names-framing'];
      if ((HOP_BY_HOP & (1 << id)) !== 0) continue;
      this.#removeNamed(bytes, base, lines, tokenStart, tokenEnd);
    }
    return 0;
  }

  #removeNamed(bytes: Uint8Array, base: number, lines: FieldLines, start: number, end: number): void {
    for (let index = 0; index < lines.count; index += 1) {
      const nameStart = base + lines.nameStart(index);
      if (lines.nameEnd(index) - lines.nameStart(index) !== end - start) continue;
      let same = true;
      for (let offset = 0; same && offset < end - start; offset += 1) {
        same = ((bytes[nameStart + offset] as number) | 0x20) === ((bytes[start + offset] as number) | 0x20);
      }
      if (same) this.#remove(index);
    }
  }

  #remove(line: number): void {
    const removed = this.removed;
    let at = this.removedCount;
    while (at > 0 && (removed[at - 1] as number) > line) at -= 1;
    if (at > 0 && removed[at - 1] === line) return;
    for (let from = this.removedCount; from > at; from -= 1) removed[from] = removed[from - 1] as number;
    removed[at] = line;
    this.removedCount += 1;
  }

  /** Whether a line does not travel on. */
  removes(line: number): boolean {
    for (let at = 0; at < this.removedCount; at += 1) if (this.removed[at] === line) return true;
    return false;
  }

  /** Marks one more line for removal. */
  removeLine(line: number): void {
    this.#remove(line);
  }
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

function isHopByHop(id: number): boolean {
  return id !== FIELD.connection && (HOP_BY_HOP & (1 << id)) !== 0;
}

function isEssential(id: number): boolean {
  return id === FIELD.host || id === FIELD['content-length'] || id === FIELD['transfer-encoding'];
}

/** The `timeout` parameter of a Keep-Alive field in seconds, or -1. A hint only; its syntax is not enforced. */
export function keepAliveTimeoutSeconds(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at + TIMEOUT.length < end; at += 1) {
    if (!equalsIgnoringCase(bytes, at, at + TIMEOUT.length, TIMEOUT)) continue;
    let seconds = 0;
    let digits = 0;
    for (let index = at + TIMEOUT.length; index < end && digits < 6; index += 1) {
      const digit = (bytes[index] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      seconds = seconds * 10 + digit;
      digits += 1;
    }
    return digits === 0 ? -1 : seconds;
  }
  return -1;
}

/** Where the host ends and the port's colon begins; an IPv6 literal keeps its brackets. */
export function hostNameEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let index = end - 1; index > start; index -= 1) {
    const byte = bytes[index] as number;
    if (byte === COLON) return index;
    if (byte < 0x30 || byte > 0x39) return end;
  }
  return end;
}
