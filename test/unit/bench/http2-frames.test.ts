import { describe, expect, it } from 'vitest';
import { frameHeader, headerBlock, readFrameHeader } from '../../../bench/http2-frames.ts';

describe('headerBlock', () => {
  it('encodes a literal without indexing, and an indexed field, as RFC 7541 does (C.2.2, C.2.4)', () => {
    expect(headerBlock([[':path', '/sample/path']]).toString('hex')).toBe('040c2f73616d706c652f70617468');
    expect(headerBlock([[':method', 'GET']]).toString('hex')).toBe('82');
  });

  it('writes names that are not in the static table, and positions of more than four bits', () => {
    expect(headerBlock([['te', 'trailers']]).toString('latin1')).toBe('\0\x02te\x08trailers');
    expect(headerBlock([['content-type', 'a']]).toString('hex')).toBe('0f100161');
  });

  it('refuses what needs a longer length', () => {
    expect(() => headerBlock([['a', 'x'.repeat(127)]])).toThrow(RangeError);
  });
});

describe('readFrameHeader', () => {
  const frame = Buffer.concat([Buffer.alloc(3), frameHeader(5, 0, 1, 7), Buffer.alloc(5)]);

  it('reads what frameHeader wrote', () => {
    expect(readFrameHeader(frame, 3)).toEqual({ length: 5, type: 0, flags: 1, stream: 7 });
  });

  it('waits for the whole frame', () => {
    for (let end = 3; end < frame.length; end += 1) {
      expect(readFrameHeader(frame.subarray(0, end), 3)).toBeUndefined();
    }
  });

  it('ignores the reserved bit of a stream', () => {
    expect(readFrameHeader(frameHeader(0, 4, 0, 0x8000_0003 >>> 0), 0)?.stream).toBe(3);
  });
});
