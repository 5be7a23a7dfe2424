import { HOST, TARGET, TOKEN } from '../../http1/index.ts';
import type { FieldBlock } from './field-block.ts';
import { BLOCK_FAULT } from './hpack-decoder.ts';
import { LAST_PSEUDO, NAME, NAME_COUNT } from './names.ts';
import { MALFORMED } from './verdicts.ts';

const MAX_METHOD_BYTES = 32;
const MAX_LENGTH_DIGITS = 15;
const COLON = 0x3a;
const SLASH = 0x2f;
const ASTERISK = 0x2a;

const CONNECT = Buffer.from('CONNECT');
const OPTIONS = Buffer.from('OPTIONS');
const HEAD = Buffer.from('HEAD');
const TRAILERS = Buffer.from('trailers');
const CONTINUE = Buffer.from('100-continue');
const HTTP = Buffer.from('http');
const HTTPS = Buffer.from('https');
const GRPC = Buffer.from('application/grpc');
const IDEMPOTENT = ['GET', 'PUT', 'HEAD', 'TRACE', 'DELETE', 'OPTIONS'].map((method) => Buffer.from(method));

const PLAIN = 0;
const FORBIDDEN = 1;
const LOOKED_AT = 2;

/** By name: nothing to do, must not stand in a message of HTTP/2 (RFC 9113 section 8.2.2), or to be looked at. */
const TREATMENT: Uint8Array = (() => {
  const treatment = new Uint8Array(NAME_COUNT);
  for (const name of [
    'connection',
    'keep-alive',
    'proxy-connection',
    'transfer-encoding',
    'upgrade',
  ] as const) {
    treatment[NAME[name]] = FORBIDDEN;
  }
  for (const name of ['te', 'host', 'content-length', 'expect'] as const) treatment[NAME[name]] = LOOKED_AT;
  return treatment;
})();

/** By name: what decides about framing, routing or class has no business in trailers (RFC 9110 section 6.5.1). */
const NOT_IN_TRAILERS: Uint8Array = (() => {
  const names = new Uint8Array(NAME_COUNT);
  for (const name of ['te', 'host', 'content-length', 'expect', 'trailer', 'content-type'] as const) {
    names[NAME[name]] = 1;
  }
  for (let id = NAME.traceparent; id <= NAME.priority; id += 1) names[id] = 1;
  for (let id = 1; id < NAME_COUNT; id += 1)
    if (id <= LAST_PSEUDO || TREATMENT[id] === FORBIDDEN) names[id] = 1;
  return names;
})();

/** Whether a field of no known name has that of a pseudo-field. */
function isPseudo(block: FieldBlock, index: number): boolean {
  if (block.id(index) !== 0) return false;
  const name = block.pair(index)?.name;
  return (name === undefined ? block.bytes[block.nameStart(index)] : name[0]) === COLON;
}

function blockFault(fault: number): number {
  switch (fault) {
    case BLOCK_FAULT.name:
      return MALFORMED['field-name'];
    case BLOCK_FAULT.value:
      return MALFORMED['field-value'];
    case BLOCK_FAULT.tooLarge:
      return MALFORMED['head-too-large'];
    default:
      return MALFORMED['too-many-fields'];
  }
}

function is(block: FieldBlock, index: number, word: Buffer): boolean {
  const start = block.valueStart(index);
  if (block.valueEnd(index) - start !== word.length) return false;
  const bytes = block.valueBytes(index);
  for (let at = 0; at < word.length; at += 1) if (bytes[start + at] !== word[at]) return false;
  return true;
}

function contentLength(block: FieldBlock, index: number): number {
  const bytes = block.valueBytes(index);
  const start = block.valueStart(index);
  const end = block.valueEnd(index);
  if (end === start || end - start > MAX_LENGTH_DIGITS) return -1;
  let length = 0;
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}

/** Whether content-type names gRPC: `application/grpc`, alone or with `+proto`, `;charset` and the like behind it. */
function isGrpc(block: FieldBlock): boolean {
  const index = block.indexOf(NAME['content-type']);
  if (index < 0) return false;
  const start = block.valueStart(index);
  const length = block.valueEnd(index) - start;
  if (length < GRPC.length) return false;
  const bytes = block.valueBytes(index);
  for (let at = 0; at < GRPC.length; at += 1) if (bytes[start + at] !== GRPC[at]) return false;
  const next = bytes[start + GRPC.length];
  return length === GRPC.length || next === 0x2b || next === 0x3b;
}

/** What a request's fields say, read strictly (RFC 9113 section 8.3). Holds indexes into the block. */
export class RequestFields {
  method = -1;
  path = -1;
  authority = -1;
  scheme = -1;
  host = -1;
  contentLength = -1;
  isHead = false;
  isIdempotent = false;
  isGrpc = false;
  expectContinue = false;

  /**
   * Reads a block.
   * @param fault what the decoder found
   * @returns 0, or a negative number of MALFORMED
   */
  read(block: FieldBlock, fault: number): number {
    this.method = -1;
    this.path = -1;
    this.authority = -1;
    this.scheme = -1;
    this.host = -1;
    this.contentLength = -1;
    this.expectContinue = false;
    const pseudo = this.#pseudo(block);
    if (pseudo < 0) return pseudo;
    if (fault !== BLOCK_FAULT.none) return blockFault(fault);
    for (let index = pseudo; index < block.count; index += 1) {
      const id = block.id(index);
      if (id <= LAST_PSEUDO && id !== 0) return MALFORMED['pseudo-after-field'];
      const treatment = TREATMENT[id] as number;
      if (treatment === PLAIN) continue;
      if (treatment === FORBIDDEN) return MALFORMED['connection-specific'];
      const verdict = this.#field(block, index, id);
      if (verdict < 0) return verdict;
    }
    return this.#check(block);
  }

  /** @returns the index behind the pseudo-fields, or a verdict */
  #pseudo(block: FieldBlock): number {
    let index = 0;
    for (; index < block.count; index += 1) {
      switch (block.id(index)) {
        case NAME[':method']:
          if (this.method >= 0) return MALFORMED['pseudo-duplicate'];
          this.method = index;
          break;
        case NAME[':path']:
          if (this.path >= 0) return MALFORMED['pseudo-duplicate'];
          this.path = index;
          break;
        case NAME[':authority']:
          if (this.authority >= 0) return MALFORMED['pseudo-duplicate'];
          this.authority = index;
          break;
        case NAME[':scheme']:
          if (this.scheme >= 0) return MALFORMED['pseudo-duplicate'];
          this.scheme = index;
          break;
        case NAME[':status']:
          return MALFORMED['pseudo-unknown'];
        default:
          return isPseudo(block, index) ? MALFORMED['pseudo-unknown'] : index;
      }
    }
    return index;
  }

  #field(block: FieldBlock, index: number, id: number): number {
    switch (id) {
      case NAME.te:
        return is(block, index, TRAILERS) ? 0 : MALFORMED.te;
      case NAME.host:
        if (this.host >= 0) return MALFORMED['host-duplicate'];
        this.host = index;
        return 0;
      case NAME['content-length']:
        if (this.contentLength >= 0) return MALFORMED['content-length-duplicate'];
        this.contentLength = contentLength(block, index);
        return this.contentLength < 0 ? MALFORMED['content-length-invalid'] : 0;
      default:
        if (this.expectContinue || !is(block, index, CONTINUE)) return MALFORMED.expectation;
        this.expectContinue = true;
        return 0;
    }
  }

  #check(block: FieldBlock): number {
    if (this.method < 0) return MALFORMED['pseudo-missing'];
    const pair = block.pair(this.method);
    // GET and POST, nearly always, by their place in the static table.
    if (pair?.staticIndex === 2 || pair?.staticIndex === 3) {
      this.isHead = false;
      this.isIdempotent = pair.staticIndex === 2;
    } else {
      const verdict = this.#checkMethod(block);
      if (verdict < 0) return verdict;
    }
    if (this.path < 0 || this.scheme < 0) return MALFORMED['pseudo-missing'];
    if (!is(block, this.scheme, HTTP) && !is(block, this.scheme, HTTPS)) return MALFORMED.scheme;
    const path = this.#checkPath(block);
    if (path < 0) return path;
    this.isGrpc = isGrpc(block);
    return this.#checkAuthority(block);
  }

  #checkMethod(block: FieldBlock): number {
    const bytes = block.valueBytes(this.method);
    const start = block.valueStart(this.method);
    const end = block.valueEnd(this.method);
    if (end === start || end - start > MAX_METHOD_BYTES) return MALFORMED.method;
    for (let at = start; at < end; at += 1) if (TOKEN[bytes[at] as number] === 0) return MALFORMED.method;
    if (is(block, this.method, CONNECT)) return MALFORMED.connect;
    this.isHead = is(block, this.method, HEAD);
    this.isIdempotent = IDEMPOTENT.some((method) => is(block, this.method, method));
    return 0;
  }

  #checkPath(block: FieldBlock): number {
    const bytes = block.valueBytes(this.path);
    const start = block.valueStart(this.path);
    const end = block.valueEnd(this.path);
    if (bytes[start] === ASTERISK && end - start === 1) {
      return is(block, this.method, OPTIONS) ? 0 : MALFORMED.path;
    }
    if (end === start || bytes[start] !== SLASH) return MALFORMED.path;
    for (let at = start; at < end; at += 1) if (TARGET[bytes[at] as number] === 0) return MALFORMED.path;
    return 0;
  }

  /** `:authority` and Host name the same, letter case aside; one of them has to be there. */
  #checkAuthority(block: FieldBlock): number {
    const index = this.authority >= 0 ? this.authority : this.host;
    if (index < 0) return MALFORMED['authority-missing'];
    const bytes = block.valueBytes(index);
    const start = block.valueStart(index);
    const end = block.valueEnd(index);
    if (end === start) return MALFORMED['authority-invalid'];
    for (let at = start; at < end; at += 1) {
      if (HOST[bytes[at] as number] === 0) return MALFORMED['authority-invalid'];
    }
    if (this.authority < 0 || this.host < 0) return 0;
    const other = block.valueBytes(this.host);
    const otherStart = block.valueStart(this.host);
    if (block.valueEnd(this.host) - otherStart !== end - start) return MALFORMED['authority-mismatch'];
    for (let at = 0; at < end - start; at += 1) {
      if (lower(bytes[start + at] as number) !== lower(other[otherStart + at] as number)) {
        return MALFORMED['authority-mismatch'];
      }
    }
    return 0;
  }
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

/** What a response's fields say. */
export class ResponseFields {
  status = 0;
  contentLength = -1;

  /** Whether it is an interim response (1xx). */
  get interim(): boolean {
    return this.status < 200;
  }

  /** Reads a block. @returns 0, or a negative number of MALFORMED */
  read(block: FieldBlock, fault: number): number {
    this.status = 0;
    this.contentLength = -1;
    if (block.count === 0 || block.id(0) !== NAME[':status']) {
      return fault === BLOCK_FAULT.none ? MALFORMED['pseudo-missing'] : blockFault(fault);
    }
    this.status = statusOf(block);
    if (this.status < 100 || this.status > 599 || this.status === 101) return MALFORMED.status;
    if (fault !== BLOCK_FAULT.none) return blockFault(fault);
    for (let index = 1; index < block.count; index += 1) {
      const id = block.id(index);
      if (id === 0) continue;
      if (id <= LAST_PSEUDO)
        return id === NAME[':status'] ? MALFORMED['pseudo-duplicate'] : MALFORMED['pseudo-unknown'];
      if (TREATMENT[id] === FORBIDDEN || id === NAME.te) return MALFORMED['connection-specific'];
      if (id !== NAME['content-length']) continue;
      if (this.contentLength >= 0) return MALFORMED['content-length-duplicate'];
      this.contentLength = contentLength(block, index);
      if (this.contentLength < 0) return MALFORMED['content-length-invalid'];
    }
    return 0;
  }
}

function statusOf(block: FieldBlock): number {
  const bytes = block.valueBytes(0);
  const start = block.valueStart(0);
  if (block.valueEnd(0) - start !== 3) return 0;
  let status = 0;
  for (let at = 0; at < 3; at += 1) {
    const digit = (bytes[start + at] as number) - 0x30;
    if (digit < 0 || digit > 9) return 0;
    status = status * 10 + digit;
  }
  return status;
}

/** Reads the fields of a trailer section. @returns 0, or a negative number of MALFORMED */
export function readTrailers(block: FieldBlock, fault: number): number {
  for (let index = 0; index < block.count; index += 1) {
    if (NOT_IN_TRAILERS[block.id(index)] === 1) return MALFORMED.trailer;
  }
  return fault === BLOCK_FAULT.none ? 0 : blockFault(fault);
}
