import type { FieldBlock } from './field-block.ts';
import { blockFault, contentLength, FORBIDDEN, TREATMENT } from './head-fields.ts';
import { BLOCK_FAULT } from './hpack-decoder.ts';
import { LAST_PSEUDO, NAME, NAME_COUNT } from './names.ts';
import { MALFORMED } from './verdicts.ts';

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
