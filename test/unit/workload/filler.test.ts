import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { filler } from '../../../src/workload/filler.ts';

test('filler has exactly the bytes asked for, and a shorter one is the beginning of a longer one', () => {
  fc.assert(
    fc.property(fc.nat(300_000), fc.nat(300_000), (a, b) => {
      const [short, long] = [Math.min(a, b), Math.max(a, b)].map((bytes) =>
        Buffer.concat([...filler(bytes)]),
      );
      expect(short?.length).toBe(Math.min(a, b));
      expect(short?.equals(long?.subarray(0, short.length) ?? Buffer.alloc(0))).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test('filler is printable and not all the same', () => {
  const body = Buffer.concat([...filler(10_000)]);
  expect(body.every((byte) => byte >= 0x20 && byte < 0x7f)).toBe(true);
  expect(new Set(body).size).toBeGreaterThan(80);
  expect(createHash('sha256').update(body.subarray(0, 5000)).digest()).not.toEqual(
    createHash('sha256').update(body.subarray(5000)).digest(),
  );
});
