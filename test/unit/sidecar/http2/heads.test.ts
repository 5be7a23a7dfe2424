import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  FieldBlock,
  HpackDecoder,
  malformedKind,
  PairCache,
  RequestFields,
  ResponseFields,
  readTrailers,
} from '../../../../src/sidecar/http2/protocol/index.ts';
import { FIXED_LIMITS } from '../../../../src/sidecar/limits.ts';
import { H2_REQUEST_CASES, H2_RESPONSE_CASES, H2_TRAILER_CASES, type HeadCase } from './head-cases.ts';
import { literals } from './literals.ts';

/** Decodes the fields twice, the second time with what repeats held as pairs, and reads each. */
function verdictOf({ fields }: HeadCase, read: (block: FieldBlock, fault: number) => number): string[] {
  const decoder = new HpackDecoder(new PairCache(), 32_768);
  const bytes = literals(fields);
  return [1, 2].map(() => {
    const block = new FieldBlock(FIXED_LIMITS.fields);
    expect(decoder.decode(bytes, 0, bytes.length, block)).toBe(0);
    const verdict = read(block, decoder.fault);
    return verdict < 0 ? malformedKind(verdict) : 'accepted';
  });
}

describe('heads of HTTP/2', () => {
  it.each(H2_REQUEST_CASES)('request: $name: $verdict', (given) => {
    const request = new RequestFields();
    expect(verdictOf(given, (block, fault) => request.read(block, fault))).toEqual([
      given.verdict,
      given.verdict,
    ]);
  });

  it.each(H2_RESPONSE_CASES)('response: $name: $verdict', (given) => {
    const response = new ResponseFields();
    expect(verdictOf(given, (block, fault) => response.read(block, fault))).toEqual([
      given.verdict,
      given.verdict,
    ]);
  });

  it.each(H2_TRAILER_CASES)('trailers: $name: $verdict', (given) => {
    expect(verdictOf(given, readTrailers)).toEqual([given.verdict, given.verdict]);
  });

  it('stand in docs/reference/framing.md, each with its verdict', () => {
    const text = readFileSync(new URL('../../../../docs/reference/framing.md', import.meta.url), 'utf8');
    const rows = text.split('\n').map((line) => line.replaceAll(/ +/g, ' '));
    for (const { name, verdict } of [...H2_REQUEST_CASES, ...H2_RESPONSE_CASES, ...H2_TRAILER_CASES]) {
      expect(
        rows.some((row) => row.startsWith(`| ${name} | ${verdict} |`)),
        `${name} | ${verdict}`,
      ).toBe(true);
    }
  });
});
