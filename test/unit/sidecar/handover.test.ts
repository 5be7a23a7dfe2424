import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimerWheel } from '../../../src/sidecar/io/index.ts';
import { Admission, type AdmissionSettings, QueueEntry } from '../../../src/sidecar/queue/index.ts';
import { HeldClock } from './held-clock.ts';

function settings(concurrency: number, classes: number, mode: AdmissionSettings['mode']): AdmissionSettings {
  const row = { weight: 1, maxSharePercent: 100, deadlineMs: Number.POSITIVE_INFINITY };
  return {
    mode,
    concurrency,
    capacity: 1000,
    starvationMs: 60_000,
    shedding: 'priority',
    classes: Array.from({ length: classes }, () => row),
  };
}

type Step =
  | { readonly do: 'offer'; readonly class: number }
  | { readonly do: 'end'; readonly which: number }
  | { readonly do: 'leave'; readonly which: number }
  | { readonly do: 'replace'; readonly concurrency: number; readonly classes: number };

const steps = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: fc.record({ do: fc.constant('offer' as const), class: fc.nat(3) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which: fc.nat(50) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('replace' as const),
        concurrency: fc.integer({ min: 1, max: 8 }),
        classes: fc.integer({ min: 1, max: 4 }),
      }),
    },
  ),
  { maxLength: 120 },
);

describe('an admission that hands over to another', () => {
  it('starts nobody beyond the limit that holds, and loses and forgets nobody', () => {
    fc.assert(
      fc.property(steps, fc.constantFrom('strict', 'weighted', 'fifo'), (run: readonly Step[], mode) => {
        const clock = new HeldClock();
        const wheel = new TimerWheel(clock);
        const running: QueueEntry[] = [];
        const waiting: QueueEntry[] = [];
        let limit = 4;
        let classes = 2;
        const started = (entry: QueueEntry): void => {
          running.push(entry);
          expect(running.length).toBeLessThanOrEqual(limit);
        };
        const owner = {
          admitted(entry: QueueEntry) {
            waiting.splice(waiting.indexOf(entry), 1);
            started(entry);
          },
          expired: () => expect.unreachable(),
          displaced: () => expect.unreachable(),
        };
        let admission = new Admission(settings(limit, classes, mode), clock, wheel, owner);
        for (const step of run) {
          clock.ms += 1;
          if (step.do === 'offer') {
            const entry = Object.assign(new QueueEntry(), { classIndex: step.class % classes });
            const offer = admission.offer(entry, clock.ms);
            if (offer === 'run') started(entry);
            else waiting.push(entry);
          } else if (step.do === 'end') {
            const [entry] = running.splice(step.which % Math.max(1, running.length), 1);
            entry?.holder?.release(entry);
          } else if (step.do === 'leave') {
            const [entry] = waiting.splice(step.which % Math.max(1, waiting.length), 1);
            entry?.holder?.cancel(entry);
          } else {
            const next = new Admission(settings(step.concurrency, step.classes, mode), clock, wheel, owner);
            limit = step.concurrency;
            const indexOf = Array.from({ length: classes }, (_, index) => index % step.classes);
            classes = step.classes;
            admission.handOver(next, indexOf);
            admission = next;
          }
          expect(admission.statistics()).toMatchObject({
            running: running.length,
            waiting: waiting.length,
            limit,
          });
          if (waiting.length > 0) expect(running.length).toBeGreaterThanOrEqual(limit);
        }
        while (running.length > 0) {
          const entry = running.pop();
          entry?.holder?.release(entry);
        }
        expect(waiting).toEqual([]);
        expect(admission.statistics()).toMatchObject({ running: 0, waiting: 0 });
        wheel.close();
      }),
      { numRuns: 300 },
    );
  });

  it('sends on who is offered to it afterwards', () => {
    const clock = new HeldClock();
    const wheel = new TimerWheel(clock);
    const owner = { admitted: () => {}, expired: () => {}, displaced: () => {} };
    const before = new Admission(settings(2, 2, 'strict'), clock, wheel, owner);
    const after = new Admission(settings(1, 1, 'strict'), clock, wheel, owner);
    before.handOver(after, [0, 0]);
    const entry = Object.assign(new QueueEntry(), { classIndex: 1 });
    expect(before.offer(entry, clock.ms)).toBe('run');
    expect(entry).toMatchObject({ classIndex: 0, holder: after });
    expect(after.statistics()).toMatchObject({ running: 1, limit: 1 });
    wheel.close();
  });
});
