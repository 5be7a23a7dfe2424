import { hashBytes } from './id-hash.ts';
import { REQUEST_ID_MAX_CHARACTERS } from './limits.ts';

/** V8 keeps the bytes of typed arrays up to this size beside the object; most ids fit. */
const USUAL_BYTES = 64;

/**
 * An identifier as it stands on the wire: up to REQUEST_ID_MAX_CHARACTERS bytes of ASCII. One object serves request after request, so
 * that an id costs neither a string nor the hash of one.
 */
export class Id {
  /** The first `length` bytes are the id. */
  bytes = new Uint8Array(USUAL_BYTES);
  length = 0;
  #hash = 0;
  #hashed = false;

  /** An id with this text. */
  static of(text: string): Id {
    const id = new Id();
    id.text = text;
    return id;
  }

  clear(): void {
    this.length = 0;
    this.#hashed = false;
  }

  /** Takes an id over from where it stands. What is longer than an id may be is cut off. */
  copy(from: Uint8Array, start: number, end: number): void {
    const length = this.reserve(end - start);
    const { bytes } = this;
    for (let at = 0; at < length; at += 1) bytes[at] = from[start + at] as number;
  }

  /** Makes room for an id of so many bytes, which the caller then writes. @returns how many */
  reserve(length: number): number {
    const kept = Math.min(length, REQUEST_ID_MAX_CHARACTERS);
    if (kept > this.bytes.length) this.bytes = new Uint8Array(REQUEST_ID_MAX_CHARACTERS);
    this.length = kept;
    this.#hashed = false;
    return kept;
  }

  /** A hash that nobody outside of this process can foresee. */
  get hash(): number {
    if (!this.#hashed) {
      this.#hash = hashBytes(this.bytes, this.length);
      this.#hashed = true;
    }
    return this.#hash;
  }

  get text(): string {
    let text = '';
    for (let at = 0; at < this.length; at += 1) text += String.fromCharCode(this.bytes[at] as number);
    return text;
  }

  set text(text: string) {
    const length = this.reserve(text.length);
    for (let at = 0; at < length; at += 1) this.bytes[at] = text.charCodeAt(at);
  }
}
