import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BodyReader,
  INCOMPLETE,
  RequestHead,
  ResponseHead,
  refusalKind,
} from '../../../src/sidecar/http1/index.ts';
import { FIXED_LIMITS } from '../../../src/sidecar/limits.ts';
import { REQUEST_CASES, RESPONSE_CASES } from './framing-cases.ts';

/** Reads one request that arrives in pieces, the way a connection does. */
function readRequest(pieces: readonly Buffer[]): string {
  const head = new RequestHead(FIXED_LIMITS.fields);
  const body = new BodyReader(FIXED_LIMITS);
  let bytes = Buffer.alloc(0);
  let start = 0;
  let inBody = false;
  for (const piece of pieces) {
    bytes = Buffer.concat([bytes, piece]);
    if (!inBody) {
      if (start === 0 && bytes.length < 2 && bytes[0] === 0x0d) continue;
      if (start === 0 && bytes[0] === 0x0d && bytes[1] === 0x0a) start = 2;
      if (start === bytes.length) continue;
      const end = head.parse(bytes, start, bytes.length);
      if (end === INCOMPLETE) continue;
      if (end < 0) return refusalKind(end);
      inBody = true;
      start = end;
      body.begin(head.framing);
    }
    const end = body.consume(bytes, start, bytes.length);
    if (end < 0) return refusalKind(end);
    start = end;
    if (body.done) return 'accepted';
  }
  return 'incomplete';
}

function readResponse(bytes: Buffer): string {
  const head = new ResponseHead(FIXED_LIMITS.fields);
  const end = head.parse(bytes, 0, bytes.length, false);
  return end < 0 ? refusalKind(end) : end === INCOMPLETE ? 'incomplete' : 'accepted';
}

/** The same bytes, which count how often one of them is read. */
function counting(bytes: Buffer): { readonly bytes: Uint8Array; reads: number } {
  const counted = {
    reads: 0,
    bytes: new Proxy(bytes, {
      get(target, key) {
        if (typeof key === 'string' && /^\d+$/.test(key)) counted.reads += 1;
        return Reflect.get(target, key);
      },
    }),
  };
  return counted;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const edges = [0, ...sorted, bytes.length];
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
}

describe('framing of requests', () => {
  it.each(REQUEST_CASES)('$name: $verdict', ({ bytes, verdict }) => {
    expect(readRequest([Buffer.from(bytes, 'latin1')])).toBe(verdict);
  });

  it('comes to the same verdict wherever the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...REQUEST_CASES),
        fc.array(fc.nat({ max: 4000 }), { maxLength: 12 }),
        ({ bytes, verdict }, places) => {
          expect(readRequest(cut(Buffer.from(bytes, 'latin1'), places))).toBe(verdict);
        },
      ),
      { numRuns: 1000 },
    );
    for (const { bytes, verdict } of REQUEST_CASES) {
      const all = Buffer.from(bytes, 'latin1');
      expect(readRequest(Array.from(all, (_, index) => all.subarray(index, index + 1)))).toBe(verdict);
    }
  });

  it('looks at each byte a few times, however many pieces a head comes in', () => {
    const long = 'x'.repeat(2000);
    const lines = Array.from({ length: 40 }, (_, index) => `${long.slice(0, 30)}-${index}: ${index}\r\n`);
    const request = `GET /${long} HTTP/1.1\r\nhost: a\r\n${lines.join('')}${long}: ${long}\r\nz:${' '.repeat(2000)}\r\n\r\n`;
    const response = `HTTP/1.1 200 ${long}\r\n${lines.join('')}${long}: ${long}\r\n\r\n`;
    const heads = [
      { head: new RequestHead(FIXED_LIMITS.fields), text: request },
      { head: new ResponseHead(FIXED_LIMITS.fields), text: response },
    ];
    for (const { head, text } of heads) {
      const counted = counting(Buffer.from(text));
      for (let end = 1; end < text.length; end += 1) {
        expect(head.parse(counted.bytes, 0, end, false)).toBe(INCOMPLETE);
      }
      expect(head.parse(counted.bytes, 0, text.length, false)).toBe(text.length);
      expect(counted.reads).toBeLessThan(8 * text.length);
      // The next head of the connection begins anew.
      expect(head.parse(Buffer.from(text), 0, text.length, false)).toBe(text.length);
    }
  });

  it('forgets a response head that was not complete when its connection is lost', () => {
    const head = new ResponseHead(FIXED_LIMITS.fields);
    expect(head.parse(Buffer.from('HTTP/1.1 500 x\r\na: b\r\nc'), 0, 23, false)).toBe(INCOMPLETE);
    head.reset();
    const other = Buffer.from('HTTP/1.1 204 y\r\n\r\n');
    expect(head.parse(other, 0, other.length, false)).toBe(other.length);
    expect([head.status, head.lines.count]).toEqual([204, 0]);
  });

  it('never throws, whatever comes', () => {
    const near = fc
      .tuple(fc.constantFrom(...REQUEST_CASES), fc.nat(), fc.nat({ max: 255 }))
      .map(([{ bytes }, at, value]) => {
        const changed = Buffer.from(bytes, 'latin1');
        changed[at % changed.length] = value;
        return changed;
      });
    const random = fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(
        fc.oneof(near, random),
        fc.array(fc.nat({ max: 600 }), { maxLength: 5 }),
        (bytes, places) => {
          expect(readRequest(cut(bytes, places))).toBe(readRequest([bytes]));
          readResponse(bytes);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('framing of responses', () => {
  it.each(RESPONSE_CASES)('$name: $verdict', ({ bytes, verdict }) => {
    expect(readResponse(Buffer.from(bytes, 'latin1'))).toBe(verdict);
  });
});

describe('docs/reference/framing.md', () => {
  const text = readFileSync(new URL('../../../docs/reference/framing.md', import.meta.url), 'utf8');

  it('has a row with the verdict for each case', () => {
    const lines = text.split('\n').filter((line) => line.startsWith('| '));
    const rows = lines.map((line) => line.replaceAll(/ +/g, ' '));
    for (const { name, verdict } of [...REQUEST_CASES, ...RESPONSE_CASES]) {
      expect(
        rows.some((row) => row.startsWith(`| ${name} | ${verdict} |`)),
        `${name} | ${verdict}`,
      ).toBe(true);
    }
  });
});
