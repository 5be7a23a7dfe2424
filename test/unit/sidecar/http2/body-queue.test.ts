import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BodyQueue } from '../../../../src/sidecar/http2/connection/index.ts';

/** A queue is a sequence of bytes: pieces go in at one end and out at the other, and what was credited is what was taken. */
it('gives out what was put in, again from the start as long as it keeps that, and credits each byte once', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('append' as const), count: fc.nat({ max: 700 }) }),
    fc.record({ kind: fc.constant('take' as const), count: fc.nat({ max: 900 }) }),
    fc.record({ kind: fc.constant('rewind' as const), count: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.nat({ max: 3000 }), fc.array(step, { maxLength: 30 }), (keep, steps) => {
      const queue = new BodyQueue();
      let credited = 0;
      queue.begin({ credit: (bytes) => (credited += bytes) }, keep);
      const all: number[] = [];
      let taken = 0;
      for (const { kind, count } of steps) {
        if (kind === 'append') {
          const bytes = Buffer.from(Array.from({ length: count }, (_, index) => (all.length + index) % 251));
          all.push(...bytes);
          queue.append(bytes, 0, bytes.length);
        } else if (kind === 'take') {
          const now = Math.min(count, queue.length);
          expect([...queue.bytes.subarray(queue.start, queue.start + now)]).toEqual(
            all.slice(taken, taken + now),
          );
          queue.take(now);
          taken += now;
        } else if (queue.repeatable && all.length <= keep) {
          queue.rewind();
          taken = 0;
        }
        expect(queue.length).toBe(all.length - taken);
        expect(credited).toBe(taken);
      }
      queue.discard();
      expect(credited).toBe(all.length);
    }),
    { numRuns: 150 },
  );
});
