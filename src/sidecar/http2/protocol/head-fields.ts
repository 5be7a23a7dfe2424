import type { FieldBlock } from './field-block.ts';
import { BLOCK_FAULT } from './hpack-decoder.ts';
import { NAME, NAME_COUNT } from './names.ts';
import { MALFORMED } from './verdicts.ts';

const MAX_LENGTH_DIGITS = 15;

export const PLAIN = 0;
export const FORBIDDEN = 1;
const LOOKED_AT = 2;

/** By name: nothing to do, must not stand in a message of HTTP/2 (RFC 9113 section 8.2.2), or to be looked at. */
export const TREATMENT: Uint8Array = (() => {
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

/** The verdict for what the decoder found. */
export function blockFault(fault: number): number {
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

/** Whether a value is this word. */
export function is(block: FieldBlock, index: number, word: Buffer): boolean {
  const start = block.valueStart(index);
  if (block.valueEnd(index) - start !== word.length) return false;
  const bytes = block.valueBytes(index);
  for (let at = 0; at < word.length; at += 1) if (bytes[start + at] !== word[at]) return false;
  return true;
}

/** The value of a content-length, or -1. */
export function contentLength(block: FieldBlock, index: number): number {
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
