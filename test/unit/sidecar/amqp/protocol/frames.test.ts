import { createRequire } from 'node:module';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeFrame,
  FRAME,
  FRAME_END,
  FRAME_OVERHEAD,
  FrameScanner,
  heartbeatFrame,
  MIN_FRAME_MAX,
  PROTOCOL_HEADER,
} from '../../../../../src/sidecar/amqp/protocol/index.ts';

/** amqplib keeps its codec from importers, so it is taken by its path. */
const require = createRequire(import.meta.url);
const library = path.dirname(require.resolve('amqplib'));
const { parseFrame } = require(path.join(library, 'lib/frame.js')) as {
  parseFrame(
    bytes: Buffer,
    max: number,
  ): false | { type: number; channel: number; payload: Buffer; rest: Buffer };
};

const frameType = fc.constantFrom(...Object.values(FRAME));
const drawnFrame = fc.record({
  type: frameType,
  channel: fc.integer({ min: 0, max: 0xffff }),
  payload: fc.uint8Array({ maxLength: 200 }),
});

/** Every frame in a stream, and why the scan ended. */
function scanAll(bytes: Buffer, end: number, maxFrameBytes: number) {
  const scanner = new FrameScanner();
  const frames: { type: number; channel: number; payload: string }[] = [];
  let at = 0;
  for (;;) {
    const found = scanner.scan(bytes, at, end, maxFrameBytes);
    if (found !== 'frame') return { frames, found, at, frameEnd: scanner.frameEnd };
    expect(scanner.frameEnd).toBe(scanner.payloadEnd + 1);
    expect(scanner.payloadStart).toBe(at + 7);
    const payload = bytes.toString('hex', scanner.payloadStart, scanner.payloadEnd);
    frames.push({ type: scanner.type, channel: scanner.channel, payload });
    at = scanner.frameEnd;
  }
}

describe('frames', () => {
  it('are what the specification draws', () => {
    expect(PROTOCOL_HEADER).toEqual(Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]));
    expect(heartbeatFrame).toEqual(Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce]));
    expect(encodeFrame(FRAME.body, 0x1234, Buffer.from('hi'))).toEqual(
      Buffer.from([3, 0x12, 0x34, 0, 0, 0, 2, 0x68, 0x69, FRAME_END]),
    );
  });

  it('are found where they stand, with bytes before and after', () => {
    fc.assert(
      fc.property(
        fc.array(drawnFrame, { maxLength: 6 }),
        fc.uint8Array({ maxLength: 9 }),
        (drawn, before) => {
          const frames = drawn.map(({ type, channel, payload }) => encodeFrame(type, channel, payload));
          const stream = Buffer.concat([before, ...frames]).subarray(before.length);
          const { frames: found, at } = scanAll(stream, stream.length, MIN_FRAME_MAX);
          expect(at).toBe(stream.length);
          expect(found).toEqual(
            drawn.map(({ type, channel, payload }) => ({
              type,
              channel,
              payload: Buffer.from(payload).toString('hex'),
            })),
          );
        },
      ),
    );
  });

  it('are incomplete at every byte before their last, and tell their end once their size is there', () => {
    const frame = encodeFrame(FRAME.method, 7, Buffer.alloc(30, 1));
    const scanner = new FrameScanner();
    for (let end = 0; end < frame.length; end += 1) {
      expect(scanner.scan(frame, 0, end, MIN_FRAME_MAX)).toBe('incomplete');
      expect(scanner.frameEnd).toBe(end < 7 ? -1 : frame.length);
    }
    expect(scanner.scan(frame, 0, frame.length, MIN_FRAME_MAX)).toBe('frame');
  });

  it('may have exactly the agreed size and not one byte more, which shows with the size', () => {
    const scanner = new FrameScanner();
    const largest = encodeFrame(FRAME.body, 1, Buffer.alloc(MIN_FRAME_MAX - FRAME_OVERHEAD));
    expect(scanner.scan(largest, 0, largest.length, MIN_FRAME_MAX)).toBe('frame');
    const larger = encodeFrame(FRAME.body, 1, Buffer.alloc(MIN_FRAME_MAX - FRAME_OVERHEAD + 1));
    expect(scanner.scan(larger, 0, 6, MIN_FRAME_MAX)).toBe('incomplete');
    expect(scanner.scan(larger, 0, 7, MIN_FRAME_MAX)).toBe('too-large');
    const largestSize = Buffer.from([3, 0, 1, 0xff, 0xff, 0xff, 0xff]);
    expect(scanner.scan(largestSize, 0, 7, MIN_FRAME_MAX)).toBe('too-large');
  });

  it('have a type that exists and an end octet', () => {
    const scanner = new FrameScanner();
    for (let type = 0; type < 256; type += 1) {
      const frame = encodeFrame(type, 1, Buffer.of(1));
      const known = ([1, 2, 3, 8] as number[]).includes(type);
      expect(scanner.scan(frame, 0, frame.length, MIN_FRAME_MAX)).toBe(known ? 'frame' : 'bad-type');
      expect(scanner.scan(frame, 0, 1, MIN_FRAME_MAX)).toBe(known ? 'incomplete' : 'bad-type');
      const endless = Buffer.from(frame);
      endless[endless.length - 1] = type;
      if (known) expect(scanner.scan(endless, 0, endless.length, MIN_FRAME_MAX)).toBe('bad-end');
    }
  });

  it('are found in any bytes whatever without an error and without going back', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 400 }),
          fc
            .array(fc.oneof(frameType, fc.constantFrom(0, 1, 4, 0xce, 0xff)), { maxLength: 400 })
            .map((drawn) => Uint8Array.from(drawn)),
        ),
        fc.constantFrom(0, 8, 64, MIN_FRAME_MAX, 2 ** 32 + 8),
        (drawn, maxFrameBytes) => {
          const bytes = Buffer.from(drawn);
          const { found, at } = scanAll(bytes, bytes.length, maxFrameBytes);
          expect(at).toBeLessThanOrEqual(bytes.length);
          expect(['incomplete', 'bad-type', 'too-large', 'bad-end']).toContain(found);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('are the same for amqplib', () => {
    fc.assert(
      fc.property(
        drawnFrame,
        fc.nat({ max: 230 }),
        fc.boolean(),
        ({ type, channel, payload }, cut, spoil) => {
          const frame = encodeFrame(type, channel, payload);
          if (spoil) frame[frame.length - 1] = 0;
          const bytes = frame.subarray(0, Math.max(0, frame.length - cut));
          const { frames, found } = scanAll(bytes, bytes.length, MIN_FRAME_MAX);
          let theirs: ReturnType<typeof parseFrame> | 'refused';
          try {
            theirs = parseFrame(bytes, MIN_FRAME_MAX - FRAME_OVERHEAD);
          } catch {
            theirs = 'refused';
          }
          if (theirs === 'refused') expect(found).toBe('bad-end');
          else if (theirs === false) expect({ frames, found }).toEqual({ frames: [], found: 'incomplete' });
          else expect(frames).toEqual([{ type, channel, payload: theirs.payload.toString('hex') }]);
        },
      ),
    );
  });
});
