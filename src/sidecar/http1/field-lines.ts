import { COLON, CR, FIELD_VALUE, HTAB, LF, SP, TOKEN } from './characters.ts';
import { FIELD_COUNT, identifyField } from './known-fields.ts';
import { INCOMPLETE, REFUSED } from './refusal.ts';

const LINE_WORDS = 4;

/**
 * The field lines of one head, as offsets counted from the head's first byte, so that they stay right when the head moves.
 * Reused from message to message: nothing is allocated per field.
 */
export class FieldLines {
  readonly maxLines: number;
  /** How many field lines there are. */
  count = 0;
  /** Where the empty line stands that ends the head. */
  emptyLineStart = 0;
  readonly #lines: Int32Array;
  readonly #ids: Uint8Array;
  /** For each known field: 1 + the index of its first line, 0 when absent. */
  readonly #first = new Int32Array(FIELD_COUNT);
  readonly #occurrences = new Uint8Array(FIELD_COUNT);

  constructor(maxLines: number) {
    this.maxLines = maxLines;
    this.#lines = new Int32Array(maxLines * LINE_WORDS);
    this.#ids = new Uint8Array(maxLines);
  }

  /** How often a known field occurs. */
  occurrences(id: number): number {
    return this.#occurrences[id] as number;
  }

  /** The index of the first line of a known field, or -1. */
  indexOf(id: number): number {
    return (this.#first[id] as number) - 1;
  }

  /** The known field's number of a line, or 0. */
  id(index: number): number {
    return this.#ids[index] as number;
  }

  nameStart(index: number): number {
    return this.#lines[index * LINE_WORDS] as number;
  }

  nameEnd(index: number): number {
    return this.#lines[index * LINE_WORDS + 1] as number;
  }

  valueStart(index: number): number {
    return this.#lines[index * LINE_WORDS + 2] as number;
  }

  valueEnd(index: number): number {
    return this.#lines[index * LINE_WORDS + 3] as number;
  }

  /** Where the line ends, after its CRLF. */
  lineEnd(index: number): number {
    return index + 1 < this.count ? this.nameStart(index + 1) : this.emptyLineStart;
  }

  /**
   * Reads field lines from `at` (absolute) to the empty line. `base` is the absolute offset of the head's first byte.
   * @returns the absolute offset behind the empty line, INCOMPLETE, or a negative refusal (RFC 9112 section 5).
   */
  scan(bytes: Uint8Array, base: number, at: number, end: number): number {
    const lines = this.#lines;
    this.count = 0;
    this.#first.fill(0);
    this.#occurrences.fill(0);
    let position = at;
    for (;;) {
      if (position >= end) return INCOMPLETE;
      let byte = bytes[position] as number;
      if (byte === CR) {
        if (position + 1 >= end) return INCOMPLETE;
        if (bytes[position + 1] !== LF) return REFUSED['bare-cr'];
        this.emptyLineStart = position - base;
        return position + 2;
      }
      if (TOKEN[byte] === 0) return firstByteRefusal(byte);
      const nameStart = position;
      do {
        position += 1;
        if (position >= end) return INCOMPLETE;
        byte = bytes[position] as number;
      } while (TOKEN[byte] === 1);
      if (byte !== COLON) return byte === LF ? REFUSED['bare-lf'] : REFUSED['field-name'];
      const nameEnd = position;
      do {
        position += 1;
        if (position >= end) return INCOMPLETE;
        byte = bytes[position] as number;
      } while (byte === SP || byte === HTAB);
      const valueStart = position;
      while (FIELD_VALUE[byte] === 1) {
        position += 1;
        if (position >= end) return INCOMPLETE;
        byte = bytes[position] as number;
      }
      if (byte !== CR) return byte === LF ? REFUSED['bare-lf'] : REFUSED['field-value'];
      if (position + 1 >= end) return INCOMPLETE;
      if (bytes[position + 1] !== LF) return REFUSED['bare-cr'];
      let valueEnd = position;
      while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1] as number)) valueEnd -= 1;
      position += 2;
      if (this.count === this.maxLines) return REFUSED['too-many-fields'];
      const word = this.count * LINE_WORDS;
      lines[word] = nameStart - base;
      lines[word + 1] = nameEnd - base;
      lines[word + 2] = valueStart - base;
      lines[word + 3] = valueEnd - base;
      const id = identifyField(bytes, nameStart, nameEnd);
      this.#ids[this.count] = id;
      this.count += 1;
      if (id !== 0) {
        if (this.#first[id] === 0) this.#first[id] = this.count;
        if ((this.#occurrences[id] as number) < 255) {
          this.#occurrences[id] = (this.#occurrences[id] as number) + 1;
        }
      }
    }
  }
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

function firstByteRefusal(byte: number): number {
  if (byte === LF) return REFUSED['bare-lf'];
  if (isBlank(byte)) return REFUSED['obs-fold'];
  return REFUSED['field-name'];
}
