import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Exchange, HeadChanges } from '../../../../src/sidecar/exchange.ts';
import { readDeadline, sendAttempt } from '../../../../src/sidecar/resilience/index.ts';
import { POLICY } from '../../propagation/fixtures.ts';

const NEVER = Number.POSITIVE_INFINITY;

interface Given {
  readonly arrivedMs: number;
  readonly classIndex: number;
  readonly own: string | undefined;
  readonly outside: string | undefined;
  readonly grpcMs: number;
  readonly inheritedMs: number;
  readonly believed: boolean;
}

/** What of an exchange the stage looks at. */
function entered(given: Given) {
  const seen = {
    deadlineMs: given.grpcMs,
    answers: [] as string[],
    changes: undefined as HeadChanges | undefined,
  };
  const exchange = {
    ...given,
    caller: { address: '10.0.0.1' },
    facts: {
      header: (name: string) => ({ 'x-priomesh-timeout-ms': given.own, 'x-wait': given.outside })[name],
    },
    traffic: undefined,
    answer: (code: string) => {
      seen.answers.push(code);
      return 'answered' as const;
    },
    get deadlineMs() {
      return seen.deadlineMs;
    },
    set deadlineMs(ms: number) {
      seen.deadlineMs = ms;
    },
    get changes() {
      return seen.changes;
    },
    set changes(changes: HeadChanges | undefined) {
      seen.changes = changes;
    },
  };
  const stage = readDeadline({
    settings: { header: 'X-Wait', classMs: { batch: 700 } },
    policy: POLICY,
    believed: () => given.believed,
    inherited: () => given.inheritedMs,
  });
  return { step: stage.enter(exchange as unknown as Exchange), seen };
}

const field = fc.option(fc.oneof(fc.nat(5000).map(String), fc.constantFrom('', '-1', '1e3', '0x10', '5.5')), {
  nil: undefined,
});

describe('the deadline of a request', () => {
  it('is the earliest that anybody says, else that of its class', () => {
    fc.assert(
      fc.property(
        fc.record({
          arrivedMs: fc.integer({ min: 1, max: 1_000_000 }),
          classIndex: fc.nat(2),
          own: field,
          outside: field,
          grpcMs: fc.oneof(fc.constant(NEVER), fc.integer({ min: 1, max: 2_000_000 })),
          inheritedMs: fc.oneof(fc.constant(NEVER), fc.integer({ min: 1, max: 2_000_000 })),
          believed: fc.boolean(),
        }),
        (given) => {
          const { arrivedMs } = given;
          const said = [given.believed ? given.own : undefined, given.outside].flatMap((text) =>
            text !== undefined && /^[0-9]+$/.test(text) ? [arrivedMs + Number(text)] : [],
          );
          const earliest = Math.min(...said, given.grpcMs, given.inheritedMs);
          const ofClass = given.classIndex === 2 ? arrivedMs + 700 : NEVER;
          const expected = earliest === NEVER ? ofClass : earliest;
          const { step, seen } = entered(given);
          expect(seen.deadlineMs).toBe(expected);
          if (expected <= arrivedMs)
            expect([step, seen.answers]).toEqual(['answered', ['DEADLINE_EXCEEDED']]);
          else expect([step, seen.answers]).toEqual(['next', []]);
        },
      ),
    );
  });

  it('that came from the hop before is told to nobody behind', () => {
    const given = {
      arrivedMs: 1,
      classIndex: 0,
      own: '5',
      outside: undefined,
      grpcMs: NEVER,
      inheritedMs: NEVER,
      believed: false,
    };
    expect(entered(given).seen.changes?.remove).toEqual(['x-priomesh-timeout-ms']);
  });
});

describe('an attempt', () => {
  it.each([
    [1000, 'answered'],
    [999, 'answered'],
    [1001, 'next'],
  ])('at 1000 with a deadline at %i is %s', (deadlineMs, expected) => {
    const answers: string[] = [];
    const exchange = {
      deadlineMs,
      side: { clock: { nowMs: () => 1000 } },
      traffic: undefined,
      answer: (code: string) => {
        answers.push(code);
        return 'answered' as const;
      },
    };
    expect(sendAttempt().enter(exchange as unknown as Exchange)).toBe(expected);
    expect(answers).toEqual(expected === 'next' ? [] : ['DEADLINE_EXCEEDED']);
  });
});
