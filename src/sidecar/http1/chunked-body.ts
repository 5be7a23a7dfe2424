import { COLON, CR, FIELD_VALUE, HEX_VALUE, LF, TOKEN } from './characters.ts';
import { identifyField } from './known-fields.ts';
import { REFUSED } from './refusal.ts';

const SIZE_FIRST = 0;
const SIZE = 1;
const EXTENSION_NAME_FIRST = 2;
const EXTENSION_NAME = 3;
const EXTENSION_VALUE_FIRST = 4;
const EXTENSION_VALUE = 5;
const EXTENSION_QUOTED = 6;
const EXTENSION_ESCAPE = 7;
const EXTENSION_QUOTED_END = 8;
const SIZE_LF = 9;
const DATA = 10;
const DATA_CR = 11;
const DATA_LF = 12;
const LINE_FIRST = 13;
const TRAILER_NAME = 14;
const TRAILER_VALUE = 15;
const TRAILER_LF = 16;
const END_LF = 17;
const DONE = 18;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

/** More digits than this could not be counted exactly: 16^12 bytes. */
const MAX_SIZE_DIGITS = 12;
const NAME_BYTES_KEPT = 32;

/** What bounds the parts of a chunked body that are not data. */
export interface ChunkLimits {
  /** Bytes of the extensions of one chunk. */
  readonly chunkExtensionBytes: number;
  /** Bytes of all trailer lines together. */
  readonly trailerBytes: number;
  readonly trailerFields: number;
}

/**
 * Follows a chunked body (RFC 9112 section 7.1) through however many pieces it comes in, and refuses what is not exactly the grammar.
 * The bytes are not changed, so that they can travel on as they came.
 */
export class ChunkedBody {
  readonly #limits: ChunkLimits;
  #state = SIZE_FIRST;
  #remaining = 0;
  #digits = 0;
  #counted = 0;
  #trailers = 0;
  #nameLength = 0;
  readonly #name = new Uint8Array(NAME_BYTES_KEPT);
  /** Bytes of data seen, without the framing. */
  dataBytes = 0;

  constructor(limits: ChunkLimits) {
    this.#limits = limits;
  }

  get done(): boolean {
    return this.#state === DONE;
  }

  reset(): void {
    this.#state = SIZE_FIRST;
    this.#remaining = 0;
    this.#digits = 0;
    this.#counted = 0;
    this.#trailers = 0;
    this.dataBytes = 0;
  }

  /**
   * Reads on from `start`.
   * @param onData called with each run of data, where somebody wants the data without its framing
   * @returns the absolute offset behind what belongs to this body (less than `end` only when it is done), or a negative refusal
   */
  consume(
    bytes: Uint8Array,
    start: number,
    end: number,
    onData?: (start: number, end: number) => void,
  ): number {
    let position = start;
    while (position < end && this.#state !== DONE) {
      if (this.#state === DATA) {
        const taken = Math.min(this.#remaining, end - position);
        onData?.(position, position + taken);
        this.#remaining -= taken;
        this.dataBytes += taken;
        position += taken;
        if (this.#remaining === 0) this.#state = DATA_CR;
        continue;
      }
      const refusal =
        this.#state < DATA
          ? this.#sizeLine(bytes[position] as number)
          : this.#afterData(bytes[position] as number);
      if (refusal < 0) return refusal;
      position += 1;
    }
    return position;
  }

  #sizeLine(byte: number): number {
    switch (this.#state) {
      case SIZE_FIRST:
      case SIZE: {
        const value = HEX_VALUE[byte] as number;
        if (value !== 255) {
          this.#digits += 1;
          if (this.#digits > MAX_SIZE_DIGITS) return REFUSED['chunk-size'];
          this.#remaining = this.#remaining * 16 + value;
          this.#state = SIZE;
          return 0;
        }
        if (this.#state === SIZE_FIRST) return REFUSED['chunk-size'];
        this.#counted = 0;
        return this.#endOfPart(byte, REFUSED['chunk-size']);
      }
      case SIZE_LF:
        if (byte !== LF) return REFUSED['bare-cr'];
        this.#digits = 0;
        this.#counted = 0;
        this.#state = this.#remaining === 0 ? LINE_FIRST : DATA;
        return 0;
      default:
        return this.#extension(byte);
    }
  }

  #endOfPart(byte: number, otherwise: number): number {
    if (byte === CR) this.#state = SIZE_LF;
    else if (byte === SEMICOLON) this.#state = EXTENSION_NAME_FIRST;
    else return byte === LF ? REFUSED['bare-lf'] : otherwise;
    return 0;
  }

  #extension(byte: number): number {
    this.#counted += 1;
    const refused = REFUSED['chunk-extension'];
    if (this.#counted > this.#limits.chunkExtensionBytes) return refused;
    switch (this.#state) {
      case EXTENSION_NAME_FIRST:
        if (TOKEN[byte] === 0) return refused;
        this.#state = EXTENSION_NAME;
        return 0;
      case EXTENSION_NAME:
        if (TOKEN[byte] === 1) return 0;
        if (byte === EQUALS) {
          this.#state = EXTENSION_VALUE_FIRST;
          return 0;
        }
        return this.#endOfPart(byte, refused);
      case EXTENSION_VALUE_FIRST:
        if (byte === QUOTE) this.#state = EXTENSION_QUOTED;
        else if (TOKEN[byte] === 1) this.#state = EXTENSION_VALUE;
        else return refused;
        return 0;
      case EXTENSION_VALUE:
        return TOKEN[byte] === 1 ? 0 : this.#endOfPart(byte, refused);
      case EXTENSION_QUOTED:
        if (byte === QUOTE) this.#state = EXTENSION_QUOTED_END;
        else if (byte === BACKSLASH) this.#state = EXTENSION_ESCAPE;
        else if (FIELD_VALUE[byte] === 0) return refused;
        return 0;
      case EXTENSION_ESCAPE:
        if (FIELD_VALUE[byte] === 0) return refused;
        this.#state = EXTENSION_QUOTED;
        return 0;
      default:
        return this.#endOfPart(byte, refused);
    }
  }

  #afterData(byte: number): number {
    switch (this.#state) {
      case DATA_CR:
        if (byte !== CR) return REFUSED['chunk-end'];
        this.#state = DATA_LF;
        return 0;
      case DATA_LF:
        if (byte !== LF) return REFUSED['chunk-end'];
        this.#state = SIZE_FIRST;
        return 0;
      case END_LF:
        if (byte !== LF) return REFUSED['bare-cr'];
        this.#state = DONE;
        return 0;
      default:
        return this.#trailer(byte);
    }
  }

  #trailer(byte: number): number {
    this.#counted += 1;
    const refused = REFUSED.trailer;
    if (this.#counted > this.#limits.trailerBytes) return refused;
    switch (this.#state) {
      case LINE_FIRST:
        if (byte === CR) {
          this.#state = END_LF;
          return 0;
        }
        this.#trailers += 1;
        this.#nameLength = 0;
        if (this.#trailers > this.#limits.trailerFields || TOKEN[byte] === 0) return refused;
        this.#state = TRAILER_NAME;
        this.#keepNameByte(byte);
        return 0;
      case TRAILER_NAME:
        if (TOKEN[byte] === 1) {
          this.#keepNameByte(byte);
          return 0;
        }
        if (byte !== COLON || this.#nameForbidden()) return refused;
        this.#state = TRAILER_VALUE;
        return 0;
      case TRAILER_VALUE:
        if (FIELD_VALUE[byte] === 1) return 0;
        if (byte !== CR) return refused;
        this.#state = TRAILER_LF;
        return 0;
      default:
        if (byte !== LF) return refused;
        this.#state = LINE_FIRST;
        return 0;
    }
  }

  #keepNameByte(byte: number): void {
    if (this.#nameLength < NAME_BYTES_KEPT) this.#name[this.#nameLength] = byte;
    this.#nameLength += 1;
  }

  /**
   * Fields that frame or route the message may not come after it (RFC 9110 section 6.5.1), nor may those that carry a class: a
   * receiver that merges trailers into the head would take them for what the sidecar wrote there.
   */
  #nameForbidden(): boolean {
    return this.#nameLength <= NAME_BYTES_KEPT && identifyField(this.#name, 0, this.#nameLength) !== 0;
  }
}
