import { COLON, CR, FIELD_VALUE, HTAB, LF, SP, TOKEN } from './characters.ts';
import { FIELD_COUNT, identifyField } from './known-fields.ts';
import { INCOMPLETE, REFUSED } from './refusal.ts';

const LINE_WORDS = 4;

/** The part of a line that is being read: nothing of it yet, its name, the blanks before its value, its value. */
const LINE = 0;
const NAME = 1;
const BLANK = 2;
const VALUE = 3;

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
  /** Bit n set: field n occurs. */
  #known = 0;
  /** Where reading stopped, counted from the head's first byte, and in which part of a line. */
  #at = 0;
  #part = LINE;

  constructor(maxLines: number) {
    this.maxLines = maxLines;
    this.#lines = new Int32Array(maxLines * LINE_WORDS);
    this.#ids = new Uint8Array(maxLines);
  }

  /** Which known fields occur: bit n for field n. */
  get known(): number {
    return this.#known;
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

  /** Starts on a head whose field lines begin `at` bytes behind its first byte. */
  begin(at: number): void {
    for (let left = this.#known; left !== 0; left &= left - 1) {
      const id = 31 - Math.clz32(left & -left);
      this.#first[id] = 0;
      this.#occurrences[id] = 0;
    }
    this.#known = 0;
    this.count = 0;
    this.#at = at;
    this.#part = LINE;
  }

  /**
   * Reads field lines up to the empty line, on from where it stopped when the bytes were not complete: however many pieces a head comes in,
   * each byte is looked at once. `base` is the absolute offset of the head's first byte.
   * @returns the absolute offset behind the empty line, INCOMPLETE, or a negative refusal (RFC 9112 section 5).
   */
  scan(bytes: Uint8Array, base: number, end: number): number {
    const lines = this.#lines;
    let position = base + this.#at;
    let part = this.#part;
    for (;;) {
      if (part === LINE) {
        if (position >= end) return this.#stop(LINE, position - base);
        const byte = bytes[position] as number;
        if (byte === CR) {
          if (position + 1 >= end) return this.#stop(LINE, position - base);
          if (bytes[position + 1] !== LF) return REFUSED['bare-cr'];
          this.emptyLineStart = position - base;
          return position + 2;
        }
        if (TOKEN[byte] === 0) return firstByteRefusal(byte);
        if (this.count === this.maxLines) return REFUSED['too-many-fields'];
        lines[this.count * LINE_WORDS] = position - base;
        part = NAME;
      }
      if (part === NAME) {
        while (position < end && TOKEN[bytes[position] as number] === 1) position += 1;
        if (position >= end) return this.#stop(NAME, position - base);
        const byte = bytes[position];
        if (byte !== COLON) return byte === LF ? REFUSED['bare-lf'] : REFUSED['field-name'];
        lines[this.count * LINE_WORDS + 1] = position - base;
        position += 1;
        part = BLANK;
      }
      if (part === BLANK) {
        while (position < end && isBlank(bytes[position] as number)) position += 1;
        if (position >= end) return this.#stop(BLANK, position - base);
        lines[this.count * LINE_WORDS + 2] = position - base;
        part = VALUE;
      }
      while (position < end && FIELD_VALUE[bytes[position] as number] === 1) position += 1;
      if (position + 1 >= end) {
        const byte = position < end ? bytes[position] : CR;
        return byte === CR ? this.#stop(VALUE, position - base) : valueRefusal(byte);
      }
      if (bytes[position] !== CR) return valueRefusal(bytes[position]);
      if (bytes[position + 1] !== LF) return REFUSED['bare-cr'];
      this.#endLine(bytes, base, position);
      position += 2;
      part = LINE;
    }
  }

  #stop(part: number, at: number): number {
    this.#part = part;
    this.#at = at;
    return INCOMPLETE;
  }

  /** Notes the line whose value and what is blank behind it end at `position`. */
  #endLine(bytes: Uint8Array, base: number, position: number): void {
    const lines = this.#lines;
    const word = this.count * LINE_WORDS;
    const valueStart = base + (lines[word + 2] as number);
    let valueEnd = position;
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1] as number)) valueEnd -= 1;
    lines[word + 3] = valueEnd - base;
    const id = identifyField(bytes, base + (lines[word] as number), base + (lines[word + 1] as number));
    this.#ids[this.count] = id;
    this.count += 1;
    if (id === 0) return;
    this.#known |= 1 << id;
    if (this.#first[id] === 0) this.#first[id] = this.count;
    const occurrences = this.#occurrences[id] as number;
    if (occurrences < 255) this.#occurrences[id] = occurrences + 1;
  }
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

function valueRefusal(byte: number | undefined): number {
  return byte === LF ? REFUSED['bare-lf'] : REFUSED['field-value'];
}

function firstByteRefusal(byte: number): number {
  if (byte === LF) return REFUSED['bare-lf'];
  if (isBlank(byte)) return REFUSED['obs-fold'];
  return REFUSED['field-name'];
}
