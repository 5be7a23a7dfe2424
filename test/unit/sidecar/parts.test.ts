import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../../src/core/index.ts';
import { RequestHead, removeLines } from '../../../src/sidecar/http1/index.ts';
import { InputBuffer, Timeout, TimerWheel } from '../../../src/sidecar/io/index.ts';
import { Admission, QueueEntry } from '../../../src/sidecar/queue/index.ts';
import { HeldClock } from './held-clock.ts';

describe('the timer wheel', () => {
  it('fires each timeout once, not early, and at most two ticks late', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 60_000 }), fc.nat({ max: 60_000 }), fc.boolean()), { maxLength: 30 }),
        (rows) => {
          const clock = new HeldClock();
          const wheel = new TimerWheel(clock);
          const fired = new Map<number, number>();
          const due = new Map<number, number>();
          rows.forEach(([first, second, cleared], index) => {
            const timeout = new Timeout((nowMs) => fired.set(index, nowMs));
            wheel.set(timeout, 1000 + first);
            wheel.set(timeout, 1000 + second);
            if (cleared) wheel.clear(timeout);
            else due.set(index, 1000 + second);
          });
          for (; clock.ms < 65_000; clock.ms += 20) wheel.advance();
          wheel.close();
          expect([...fired.keys()].sort()).toEqual([...due.keys()].sort());
          for (const [index, at] of fired) {
            expect(at).toBeGreaterThanOrEqual(due.get(index) ?? 0);
            expect(at - (due.get(index) ?? 0)).toBeLessThanOrEqual(60);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('knows the time also when nothing was set for a while', () => {
    const clock = new HeldClock();
    const wheel = new TimerWheel(clock);
    clock.ms += 600_000;
    let firedMs = 0;
    wheel.set(
      new Timeout((nowMs) => {
        firedMs = nowMs;
      }),
      wheel.nowMs + 1000,
    );
    const setMs = clock.ms;
    for (; clock.ms < setMs + 2000; clock.ms += 20) wheel.advance();
    wheel.close();
    expect(firedMs).toBeGreaterThanOrEqual(setMs + 1000);
  });
});

describe('the input buffer', () => {
  it('never writes over bytes that a pending write refers to, and loses none', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('read' as const),
        bytes: fc.integer({ min: 1, max: 40_000 }),
        growing: fc.boolean(),
      }),
      fc.record({
        kind: fc.constant('relay' as const),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
        pending: fc.boolean(),
      }),
      fc.record({ kind: fc.constant('flushed' as const) }),
      fc.record({ kind: fc.constant('front' as const), count: fc.integer({ min: 1, max: 9000 }) }),
      fc.record({ kind: fc.constant('shrink' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (todo) => {
        const input = new InputBuffer();
        let next = 0;
        let out = 0;
        let pending: { bytes: Buffer; copy: Buffer }[] = [];
        for (const what of todo) {
          switch (what.kind) {
            case 'read': {
              const count = Math.min(what.bytes, input.view.length);
              for (let index = 0; index < count; index += 1) input.view[index] = (next + index) % 251;
              next += count;
              input.received(count);
              input.nextView(what.growing);
              break;
            }
            case 'relay': {
              const end = input.start + Math.floor(input.length * what.share);
              const bytes = input.bytes.subarray(input.start, end);
              for (const byte of bytes) {
                expect(byte).toBe(out % 251);
                out += 1;
              }
              if (what.pending && bytes.length > 0) {
                input.pin();
                pending.push({ bytes, copy: Buffer.from(bytes) });
              }
              input.consumeTo(end);
              break;
            }
            case 'flushed':
              pending = [];
              input.unpin();
              break;
            case 'front':
              input.reserveInFront(what.count);
              expect(input.start).toBeGreaterThanOrEqual(what.count);
              input.bytes.fill(255, input.start - what.count, input.start);
              break;
            case 'shrink':
              input.shrink();
              break;
          }
          for (const { bytes, copy } of pending) expect(bytes.equals(copy)).toBe(true);
          expect(input.view.length).toBeGreaterThan(0);
        }
        expect(out + input.length).toBe(next);
      }),
      { numRuns: 400 },
    );
  });
});

describe('editing a head in place', () => {
  it('takes out the lines that were named and leaves all else', () => {
    const names = fc.array(fc.constantFrom('a', 'bb', 'ccc', 'dddd'), { maxLength: 10 });
    fc.assert(
      fc.property(names, fc.array(fc.boolean(), { minLength: 11, maxLength: 11 }), (fields, taken) => {
        const line = (name: string, index: number): string => `${name}: ${index}\r\n`;
        const text = `GET / HTTP/1.1\r\nhost: x\r\n${fields.map(line).join('')}\r\nbody`;
        const bytes = Buffer.from(`front${text}`);
        const head = new RequestHead(128);
        const end = head.parse(bytes, 5, bytes.length);
        expect(end).toBe(bytes.length - 4);
        const removed = fields.flatMap((_, index) => (taken[index] === true ? [index + 1] : []));
        const start = removeLines(bytes, 5, head.lines, Int32Array.from(removed), removed.length);
        const kept = fields.map(line).filter((_, index) => taken[index] !== true);
        expect(bytes.subarray(start).toString()).toBe(
          `GET / HTTP/1.1\r\nhost: x\r\n${kept.join('')}\r\nbody`,
        );
      }),
    );
  });
});

describe('admission', () => {
  function admission(clock: HeldClock, wheel: TimerWheel) {
    const log: string[] = [];
    const say = (what: string) => (entry: QueueEntry) => {
      log.push(`${what} ${entry.arrivedMs}`);
    };
    const made = new Admission(
      {
        mode: 'strict',
        concurrency: 1,
        capacity: 2,
        starvationMs: 500,
        shedding: 'priority',
        classes: [
          { weight: 1, maxSharePercent: 100, deadlineMs: 100 },
          { weight: 1, maxSharePercent: 100, deadlineMs: 1000 },
        ],
      },
      clock,
      wheel,
      { admitted: say('admitted'), expired: say('expired'), displaced: say('displaced') },
    );
    const offer = (classIndex: number, arrivedMs: number): { entry: QueueEntry; verdict: string } => {
      const entry = Object.assign(new QueueEntry(), { classIndex, arrivedMs });
      return { entry, verdict: made.offer(entry, clock.ms) };
    };
    return { made, log, offer };
  }

  it('admits the next when one ends, finds deadlines by itself, and sheds the least important', () => {
    const clock = new HeldClock();
    const wheel = new TimerWheel(clock);
    const { made, log, offer } = admission(clock, wheel);
    const first = offer(1, 1);
    expect(first.verdict).toBe('run');
    expect(offer(1, 2).verdict).toBe('wait');
    expect(offer(1, 3).verdict).toBe('wait');
    expect(offer(1, 4).verdict).toBe('refused');
    expect(offer(0, 5).verdict).toBe('wait');
    expect(log).toEqual(['displaced 3']);
    for (const end = clock.ms + 200; clock.ms < end; clock.ms += 20) wheel.advance();
    expect(log).toEqual(['displaced 3', 'expired 5']);
    made.release(first.entry);
    expect(log).toEqual(['displaced 3', 'expired 5', 'admitted 2']);
    wheel.close();
  });
});

describe('the histogram', () => {
  it('gives quantiles within one bucket of the exact ones', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 300 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, quantile) => {
          const histogram = new Histogram();
          for (const value of values) histogram.record(value);
          const sorted = [...values].sort((a, b) => a - b);
          const exact = sorted[Math.max(0, Math.ceil(quantile * values.length) - 1)] ?? 0;
          const got = histogram.quantile(quantile);
          expect(got).toBeGreaterThanOrEqual(exact);
          expect(got).toBeLessThanOrEqual(exact + exact / 32 + 1);
          expect(histogram.max).toBe(sorted.at(-1));
        },
      ),
    );
  });
});
