import { HOST, TARGET, TOKEN } from '../../http1/index.ts';
import type { FieldBlock } from './field-block.ts';
import { blockFault, contentLength, FORBIDDEN, is, PLAIN, TREATMENT } from './head-fields.ts';
import { BLOCK_FAULT } from './hpack-decoder.ts';
import { LAST_PSEUDO, NAME } from './names.ts';
import { MALFORMED } from './verdicts.ts';

const MAX_METHOD_BYTES = 32;
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

/** Whether a field of no known name has that of a pseudo-field. */
function isPseudo(block: FieldBlock, index: number): boolean {
  if (block.id(index) !== 0) return false;
  const name = block.pair(index)?.name;
  return (name === undefined ? block.bytes[block.nameStart(index)] : name[0]) === COLON;
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
