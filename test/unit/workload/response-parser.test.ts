import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ResponseParser } from '../../../src/workload/response-parser.ts';

function parse(text: string, cuts: readonly number[] = [], method = 'GET') {
  const bytes = Buffer.from(text, 'latin1');
  const parser = new ResponseParser();
  parser.begin(method);
  let used = 0;
  const edges = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  for (const edge of [...edges, bytes.length]) {
    if (!parser.done && edge > used) used = parser.push(bytes, used, edge);
  }
  return { parser, used };
}

const FIXED = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nt: 1\r\n\r\n';

describe('a response', () => {
  test.each([
    ['with a length', FIXED, 200, 5, true],
    ['in chunks', CHUNKED, 200, 13, true],
    ['after an interim one', `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${FIXED}`, 200, 5, true],
    ['without body', 'HTTP/1.1 204 No Content\r\n\r\n', 204, 0, true],
    ['of length 0', 'HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n', 503, 0, true],
    ['without a reason', 'HTTP/1.1 404 \r\ncontent-length: 0\r\n\r\n', 404, 0, true],
    ['that closes', `${FIXED.replace('OK\r\n', 'OK\r\nConnection: x, Close\r\n')}`, 200, 5, false],
    ['of HTTP/1.0', FIXED.replace('HTTP/1.1', 'HTTP/1.0'), 200, 5, false],
  ])('%s is read, whatever pieces it comes in', (_name, text, status, bodyBytes, reusable) => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 20 }), (cuts) => {
        const { parser, used } = parse(text, cuts);
        expect(parser).toMatchObject({ done: true, status, bodyBytes, reusable });
        expect(used).toBe(text.length);
      }),
    );
  });

  test('says how long its request waited in a queue, and nothing of the one before it', () => {
    const text = FIXED.replace('OK\r\n', 'OK\r\nServer-Timing: cache;desc="a", queue;dur=12.5\r\n');
    const { parser } = parse(text);
    expect(parser.queueWaitMs).toBe(12.5);
    parser.begin('GET');
    parser.push(Buffer.from(FIXED), 0, FIXED.length);
    expect(parser).toMatchObject({ done: true, queueWaitMs: Number.NaN });
  });

  test('leaves what follows it alone', () => {
    expect(parse(`${FIXED}HTTP/1.1`).used).toBe(FIXED.length);
    expect(parse(`${CHUNKED}HTTP/1.1`).used).toBe(CHUNKED.length);
  });

  test('to HEAD has no body whatever its length says', () => {
    expect(parse('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', [], 'HEAD').parser.done).toBe(true);
  });

  test('without length ends when the connection does', () => {
    const { parser } = parse('HTTP/1.1 200 OK\r\n\r\nhello');
    expect(parser).toMatchObject({ done: false, bodyBytes: 5 });
    expect(parser.endsAtClose()).toBe(true);
  });

  test('that is cut short does not end when the connection does', () => {
    expect(parse(FIXED.slice(0, -1)).parser.endsAtClose()).toBe(false);
    expect(parse(CHUNKED.slice(0, -2)).parser.endsAtClose()).toBe(false);
    expect(parse(FIXED.slice(0, 10)).parser.endsAtClose()).toBe(false);
  });

  test.each([
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['another coding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n'],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\n'],
    ['white space before the colon', 'HTTP/1.1 200 OK\r\ncontent-length : 5\r\n\r\n'],
    ['a folded line', 'HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n'],
    ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['a status out of range', 'HTTP/1.1 600 OK\r\n\r\n'],
    ['an upgrade', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['a chunk size that is no number', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0x5\r\n'],
    ['a chunk longer than it says', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n'],
    ['a chunk line without return', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\na'],
    ['a head without end', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(10_000)}`],
    [
      'trailers without end',
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(100)}`,
    ],
  ])('with %s is refused', (_name, text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'FRAMING_REFUSED' }));
  });

  test('never does anything but parse or refuse', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'HTTP/1.1 200 OK\r\n',
        '\r\n',
        'content-length: 3\r\n',
        'transfer-encoding: chunked\r\n',
      ),
      fc.constantFrom('3\r\n', 'abc', '0\r\n\r\n', 'connection: close\r\n'),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(99)), (pieces, cuts) => {
        try {
          const { used } = parse(pieces.join(''), cuts);
          expect(used).toBeLessThanOrEqual(pieces.join('').length);
        } catch (error) {
          expect(error).toMatchObject({ code: 'FRAMING_REFUSED' });
        }
      }),
      { numRuns: 500 },
    );
  });
});
