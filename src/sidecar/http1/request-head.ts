import { CR, equalsIgnoringCase, HOST, LF, SP, TARGET, TOKEN } from './characters.ts';
import { FieldLines } from './field-lines.ts';
import { BodyFraming, ConnectionOptions } from './framing.ts';
import { FIELD } from './known-fields.ts';
import { INCOMPLETE, REFUSED } from './refusal.ts';

const CONTINUE = Buffer.from('100-continue');
const HTTP_SCHEME = Buffer.from('http://');
const CONNECT = Buffer.from('connect');
const OPTIONS = Buffer.from('options');
const VERSION = Buffer.from('HTTP/1.');
const MAX_METHOD_BYTES = 32;
const LINES = -1;

/** By length. */
const IDEMPOTENT_METHODS: Readonly<Record<number, readonly string[]>> = {
  3: ['GET', 'PUT'],
  4: ['HEAD'],
  5: ['TRACE'],
  6: ['DELETE'],
  7: ['OPTIONS'],
};

const NO_METHODS: readonly string[] = [];

/**
 * One request head, read strictly (RFC 9112). All offsets count from the head's first byte.
 * One object serves a connection for its whole life.
 */
export class RequestHead {
  readonly lines: FieldLines;
  readonly framing = new BodyFraming();
  readonly connection: ConnectionOptions;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** Bytes of `http://authority` in front of the path when the target is in absolute form, else 0. */
  authorityBytes = 0;
  /** The 1 or 0 of HTTP/1.1 and HTTP/1.0. */
  minorVersion = 1;
  /** Length of the head with its empty line. */
  length = 0;
  /** Index of the Host line, or -1 (HTTP/1.0 only). */
  hostLine = -1;
  expectContinue = false;
  isHead = false;
  /** Whether the method may be repeated without harm (RFC 9110 section 9.2.2). */
  isIdempotent = false;
  /** Where reading stopped for want of bytes: 0 before the target, in it or at its end by offset, LINES behind the request line. */
  #at = 0;

  constructor(maxFields: number) {
    this.lines = new FieldLines(maxFields);
    this.connection = new ConnectionOptions(maxFields + 1);
  }

  /** Whether the caller's connection can carry another request after this one. */
  get keepAlive(): boolean {
    return this.minorVersion === 1 && !this.connection.close;
  }

  /**
   * Reads the head that starts at `start`. After INCOMPLETE, the next call goes on with the same head, of which more has come.
   * @returns the absolute offset behind the head, INCOMPLETE, or a negative refusal
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    if (this.#at !== LINES) {
      const afterLine = this.#requestLine(bytes, start, end);
      if (afterLine <= 0) {
        if (afterLine < 0) this.#at = 0;
        return afterLine;
      }
      this.#at = LINES;
      this.lines.begin(afterLine - start);
    }
    const headEnd = this.lines.scan(bytes, start, end);
    if (headEnd === INCOMPLETE) return INCOMPLETE;
    this.#at = 0;
    if (headEnd < 0) return headEnd;
    this.length = headEnd - start;
    const verdict = this.#check(bytes, start);
    return verdict < 0 ? verdict : headEnd;
  }

  #requestLine(bytes: Uint8Array, start: number, end: number): number {
    if (this.#at === 0) {
      const method = this.#method(bytes, start, end);
      if (method <= 0) return method;
      this.#at = method - start;
    }
    let position = start + this.#at;
    while (position < end && TARGET[bytes[position] as number] === 1) position += 1;
    if (position >= end) {
      this.#at = position - start;
      return INCOMPLETE;
    }
    return this.#endOfRequestLine(bytes, start, position, end);
  }

  /** @returns where the target starts */
  #method(bytes: Uint8Array, start: number, end: number): number {
    let position = start;
    while (position < end && TOKEN[bytes[position] as number] === 1) position += 1;
    if (position - start > MAX_METHOD_BYTES) return REFUSED['request-line'];
    if (position >= end) return INCOMPLETE;
    if (bytes[position] !== SP || position === start) return REFUSED['request-line'];
    this.methodEnd = position - start;
    this.targetStart = position + 1 - start;
    return position + 1;
  }

  /** Reads from behind the target, which ends at `targetEnd`. */
  #endOfRequestLine(bytes: Uint8Array, start: number, targetEnd: number, end: number): number {
    this.#at = targetEnd - start;
    if (bytes[targetEnd] !== SP) {
      // A line that ends here has no version: HTTP/0.9.
      return bytes[targetEnd] === CR || bytes[targetEnd] === LF ? REFUSED.version : REFUSED.target;
    }
    this.targetEnd = targetEnd - start;
    if (this.targetEnd === this.targetStart) return REFUSED.target;
    const position = targetEnd + 1;
    const wanted = Math.min(VERSION.length, end - position);
    for (let index = 0; index < wanted; index += 1) {
      if (bytes[position + index] !== VERSION[index]) return REFUSED.version;
    }
    if (position + 10 > end) return INCOMPLETE;
    const minor = (bytes[position + 7] as number) - 0x30;
    if (minor !== 0 && minor !== 1) return REFUSED.version;
    this.minorVersion = minor;
    if (bytes[position + 8] !== CR) {
      return bytes[position + 8] === LF ? REFUSED['bare-lf'] : REFUSED['request-line'];
    }
    if (bytes[position + 9] !== LF) return REFUSED['bare-cr'];
    return position + 10;
  }

  #check(bytes: Uint8Array, start: number): number {
    const framing = this.framing.read(bytes, start, this.lines, this.minorVersion);
    if (framing < 0) return framing;
    if (equalsIgnoringCase(bytes, start, start + this.methodEnd, CONNECT)) return REFUSED.connect;
    if (this.lines.occurrences(FIELD.upgrade) > 0) return REFUSED.upgrade;
    const options = this.connection.read(bytes, start, this.lines);
    if (options < 0) return options;
    const host = this.#checkHost(bytes, start);
    if (host < 0) return host;
    const target = this.#checkTarget(bytes, start);
    if (target < 0) return target;
    return this.#checkExpectation(bytes, start);
  }

  #checkHost(bytes: Uint8Array, start: number): number {
    const lines = this.lines;
    this.hostLine = lines.indexOf(FIELD.host);
    if (this.hostLine < 0) return this.minorVersion === 1 ? REFUSED['host-missing'] : 0;
    if (lines.occurrences(FIELD.host) > 1) return REFUSED['host-duplicate'];
    const valueStart = start + lines.valueStart(this.hostLine);
    const valueEnd = start + lines.valueEnd(this.hostLine);
    if (valueEnd === valueStart) return REFUSED['host-invalid'];
    for (let index = valueStart; index < valueEnd; index += 1) {
      if (HOST[bytes[index] as number] === 0) return REFUSED['host-invalid'];
    }
    return 0;
  }

  #checkTarget(bytes: Uint8Array, start: number): number {
    this.authorityBytes = 0;
    this.#checkMethod(bytes, start);
    const at = start + this.targetStart;
    const first = bytes[at];
    if (first === 0x2f) return 0;
    if (first === 0x2a && this.targetEnd - this.targetStart === 1) {
      return equalsIgnoringCase(bytes, start, start + this.methodEnd, OPTIONS) ? 0 : REFUSED.target;
    }
    return this.#checkAbsoluteForm(bytes, start, at, start + this.targetEnd);
  }

  /** Only methods that are written in capitals are the registered ones (RFC 9110 section 9.1). */
  #checkMethod(bytes: Uint8Array, start: number): void {
    this.isHead = this.methodEnd === 4 && isWord(bytes, start, 'HEAD');
    this.isIdempotent = false;
    const words = IDEMPOTENT_METHODS[this.methodEnd] ?? NO_METHODS;
    for (let index = 0; index < words.length; index += 1) {
      if (isWord(bytes, start, words[index] as string)) this.isIdempotent = true;
    }
  }

  /** An absolute target must name the same authority as Host, else two parsers could route it differently. */
  #checkAbsoluteForm(bytes: Uint8Array, start: number, at: number, end: number): number {
    const authorityStart = at + HTTP_SCHEME.length;
    if (authorityStart >= end || !equalsIgnoringCase(bytes, at, authorityStart, HTTP_SCHEME)) {
      return REFUSED.target;
    }
    let authorityEnd = authorityStart;
    while (authorityEnd < end && HOST[bytes[authorityEnd] as number] === 1) authorityEnd += 1;
    if (authorityEnd === authorityStart || this.hostLine < 0) return REFUSED['authority-mismatch'];
    const next = bytes[authorityEnd];
    if (authorityEnd < end && next !== 0x2f) {
      return next === 0x3f ? REFUSED.target : REFUSED['authority-mismatch'];
    }
    if (authorityEnd === end) return REFUSED.target;
    const hostStart = start + this.lines.valueStart(this.hostLine);
    const hostLength = this.lines.valueEnd(this.hostLine) - this.lines.valueStart(this.hostLine);
    if (hostLength !== authorityEnd - authorityStart) return REFUSED['authority-mismatch'];
    for (let index = 0; index < hostLength; index += 1) {
      const a = lower(bytes[authorityStart + index] as number);
      if (a !== lower(bytes[hostStart + index] as number)) return REFUSED['authority-mismatch'];
    }
    this.authorityBytes = authorityEnd - at;
    return 0;
  }

  #checkExpectation(bytes: Uint8Array, start: number): number {
    this.expectContinue = false;
    const line = this.lines.indexOf(FIELD.expect);
    if (line < 0) return 0;
    const same = equalsIgnoringCase(
      bytes,
      start + this.lines.valueStart(line),
      start + this.lines.valueEnd(line),
      CONTINUE,
    );
    if (!same || this.lines.occurrences(FIELD.expect) > 1) return REFUSED.expectation;
    this.expectContinue = true;
    return 0;
  }
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

function isWord(bytes: Uint8Array, start: number, word: string): boolean {
  for (let index = 0; index < word.length; index += 1) {
    if (bytes[start + index] !== word.charCodeAt(index)) return false;
  }
  return true;
}
