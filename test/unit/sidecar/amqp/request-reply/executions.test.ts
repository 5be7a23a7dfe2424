import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../../src/core/index.ts';
import { backOffMs } from '../../../../../src/sidecar/amqp/request-reply/back-off.ts';
import { BoundedSet } from '../../../../../src/sidecar/amqp/request-reply/bounded-set.ts';
import { Executions } from '../../../../../src/sidecar/amqp/request-reply/executions.ts';
import { fingerprintOf } from '../../../../../src/sidecar/amqp/request-reply/fingerprint.ts';
import type { QueuedRequest } from '../../../../../src/sidecar/amqp/request-reply/message-format.ts';

const limits = { entries: 3, ageMs: 1000, bytes: 100_000 };
const response = (size = 1) => ({ status: 200, fields: [], body: Buffer.alloc(size) });

function begun(executions: Executions<string>, fingerprint: string, waiter = 'w', nowMs = 0) {
  const known = executions.ask(fingerprint, waiter, nowMs);
  if (known.kind !== 'new') throw new Error(`it is ${known.kind}`);
  return known.running;
}

describe('executions', () => {
  it('run a request once, and let its copies join', () => {
    const executions = new Executions<string>(limits);
    const running = begun(executions, 'a', 'first');
    expect(executions.ask('a', 'second', 1)).toEqual({ kind: 'joined', running });
    expect(running.waiters).toEqual(['first', 'second']);
    expect(executions.ask('b', 'other', 1).kind).toBe('new');
    expect(executions.running).toBe(2);
  });

  it('answer a copy that comes later, for a while', () => {
    const executions = new Executions<string>(limits);
    const answer = response();
    executions.answered(begun(executions, 'a'), answer, true, 100);
    expect(executions.ask('a', 'copy', 1099)).toEqual({ kind: 'remembered', response: answer });
    expect(executions.ask('a', 'copy', 1100).kind).toBe('new');
  });

  it('execute again what is not to be remembered', () => {
    const executions = new Executions<string>(limits);
    executions.answered(begun(executions, 'a'), response(), false, 0);
    expect(executions.ask('a', 'copy', 0).kind).toBe('new');
  });

  it('remember no more than they may, the youngest', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 24_000 }), { maxLength: 12 }), (sizes) => {
        const executions = new Executions<string>(limits);
        for (const [index, size] of sizes.entries()) {
          executions.answered(begun(executions, `r${index}`), response(size), true, 0);
          expect(executions.remembered).toBeLessThanOrEqual(limits.entries);
          expect(executions.rememberedBytes).toBeLessThanOrEqual(limits.bytes);
        }
        const last = sizes.length - 1;
        if (last >= 0 && (sizes[last] ?? 0) < 23_000) {
          expect(executions.ask(`r${last}`, 'copy', 0).kind).toBe('remembered');
        }
      }),
    );
  });

  it('do not let one large response drive out all others', () => {
    const executions = new Executions<string>(limits);
    executions.answered(begun(executions, 'a'), response(10), true, 0);
    executions.answered(begun(executions, 'large'), response(90_000), true, 0);
    expect(executions.ask('a', 'copy', 0).kind).toBe('remembered');
    expect(executions.ask('large', 'copy', 0).kind).toBe('new');
  });

  it('count how often the application died of a request, and nothing else', () => {
    const executions = new Executions<string>(limits);
    const first = begun(executions, 'a');
    expect(first.attempt).toBe(1);
    executions.unanswered(first, true);
    const second = begun(executions, 'a');
    expect(second.attempt).toBe(2);
    executions.unanswered(second, false);
    const third = begun(executions, 'a');
    expect(third.attempt).toBe(2);
    executions.answered(third, response(), false, 0);
    expect(begun(executions, 'a').attempt).toBe(1);
  });
});

describe('the fingerprint of a request', () => {
  const one: QueuedRequest = {
    id: 'i',
    key: 'k',
    method: 'POST',
    target: '/a',
    fields: ['Authorization', 'mine', 'X-Request-Id', '1', 'Accept', 'a'],
    trace: { traceparent: 't' },
    body: Buffer.from('body'),
  };

  it('is that of its copies, whatever the trace and the attempt', () => {
    const copy = {
      ...one,
      id: 'j',
      trace: {},
      fields: ['authorization', 'mine', 'x-request-id', '2', 'accept', 'a'],
    };
    expect(fingerprintOf(copy)).toBe(fingerprintOf(one));
  });

  it('is another for another key, method, target, body or sender', () => {
    const others: QueuedRequest[] = [
      { ...one, key: 'l' },
      { ...one, method: 'PUT' },
      { ...one, target: '/b' },
      { ...one, body: Buffer.from('bodz') },
      { ...one, fields: ['Authorization', 'yours', 'Accept', 'a'] },
      { ...one, fields: ['Authorization', 'min', 'eAccept', 'a'] },
      { ...one, fields: [] },
    ];
    const prints = new Set([one, ...others].map(fingerprintOf));
    expect(prints.size).toBe(others.length + 1);
  });
});

describe('a bounded set', () => {
  it('forgets what was added longest ago', () => {
    const set = new BoundedSet(2);
    set.add('a');
    set.add('b');
    set.add('a');
    set.add('c');
    expect([set.has('a'), set.has('b'), set.has('c'), set.size]).toEqual([true, false, true, 2]);
  });
});

describe('the back-off', () => {
  it('doubles up to its longest wait, with jitter over the upper half', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2000 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        (attempt, seed) => {
          const wholeMs = Math.min(5000, 100 * 2 ** attempt);
          const waitMs = backOffMs({ firstMs: 100, mostMs: 5000 }, attempt, seededRandom(seed));
          expect(waitMs).toBeGreaterThanOrEqual(wholeMs / 2);
          expect(waitMs).toBeLessThanOrEqual(wholeMs);
        },
      ),
    );
  });
});
