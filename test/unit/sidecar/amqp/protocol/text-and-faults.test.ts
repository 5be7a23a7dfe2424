import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AmqpFault } from '../../../../../src/sidecar/amqp/protocol/index.ts';
import { readText, textBytes, writeText } from '../../../../../src/sidecar/amqp/protocol/text.ts';

function written(text: string): Buffer {
  const bytes = Buffer.alloc(textBytes(text) + 1, 0xaa);
  expect(writeText(bytes, text, 0)).toBe(bytes.length - 1);
  expect(bytes[bytes.length - 1]).toBe(0xaa);
  return bytes.subarray(0, -1);
}

/** Texts of characters from everywhere. */
const characters = fc
  .array(
    fc.oneof(fc.nat({ max: 0x7f }), fc.nat({ max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10_ffff })),
  )
  .map((codes) => String.fromCodePoint(...codes));

describe('texts', () => {
  it('are UTF-8', () => {
    fc.assert(
      fc.property(characters, (text) => {
        const bytes = Buffer.from(text);
        expect(readText(bytes, 0, bytes.length)).toBe(text);
        expect(written(text).equals(bytes)).toBe(true);
      }),
    );
    expect(readText(Buffer.from('a\ufffdb'), 0, 5)).toBe('a\ufffdb');
  });

  it('keep bytes that are not UTF-8', () => {
    const tricky = fc.constantFrom(
      0x41,
      0x80,
      0xbf,
      0xc0,
      0xc3,
      0xa9,
      0xe0,
      0xed,
      0xa0,
      0xef,
      0xbd,
      0xf0,
      0x90,
      0xf4,
      0xff,
    );
    const drawn = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.array(tricky, { maxLength: 12 }));
    fc.assert(
      fc.property(drawn, (values) => {
        const bytes = Buffer.from(values);
        expect(written(readText(bytes, 0, bytes.length)).equals(bytes)).toBe(true);
      }),
      { numRuns: 2000 },
    );
    expect(readText(Buffer.from([0x61, 0xff, 0xc3, 0xa9]), 0, 4)).toBe('a\udcffé');
    expect(written('\ud800').toString()).toBe('\ufffd');
  });
});

describe('faults', () => {
  it('have the reply codes of the specification', () => {
    const codes = {
      'connection-forced': 320,
      frame: 501,
      syntax: 502,
      command: 503,
      channel: 504,
      'unexpected-frame': 505,
      resource: 506,
      'not-allowed': 530,
      'not-implemented': 540,
      internal: 541,
    } as const;
    for (const kind of Object.keys(codes) as (keyof typeof codes)[]) {
      const fault = new AmqpFault(kind, 'why');
      expect([fault.kind, fault.replyCode, fault.message]).toEqual([kind, codes[kind], 'why']);
    }
    expect(new AmqpFault('unexpected-frame', 'why').replyText).toBe('UNEXPECTED_FRAME - why');
  });

  it('have a text that fits a short string and ends with a whole character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 200, maxLength: 400 }), (why) => {
        const fault = new AmqpFault('syntax', why);
        const whole = `SYNTAX_ERROR - ${why}`;
        expect(Buffer.byteLength(fault.replyText)).toBeLessThanOrEqual(255);
        expect(whole.startsWith(fault.replyText)).toBe(true);
        if (Buffer.byteLength(whole) > 255) expect(Buffer.byteLength(fault.replyText)).toBeGreaterThan(251);
      }),
    );
  });
});
