import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../src/core/index.ts';
import {
  AMBIGUOUS_CLASS,
  Carried,
  createProvenanceResolver,
  Id,
  NO_CLASS,
  ProvenanceTable,
} from '../../../src/propagation/index.ts';
import { POLICY } from './fixtures.ts';

function carriedWith(some: { classIndex?: number; traceId?: string; requestId?: string }): Carried {
  const carried = new Carried();
  carried.classIndex = some.classIndex ?? -1;
  carried.trace.text = some.traceId ?? '';
  carried.request.text = some.requestId ?? '';
  return carried;
}

describe('the provenance table', () => {
  test('knows the requests that are inside, by both ids, until they leave', () => {
    const table = new ProvenanceTable();
    table.register(Id.of('t1'), Id.of('r1'), 2, 0);
    table.register(Id.of('t1'), Id.of('r2'), 2, 0);
    expect([
      table.byTraceId(Id.of('t1'), 1),
      table.byRequestId(Id.of('r1'), 1),
      table.byRequestId(Id.of('r3'), 1),
    ]).toEqual([2, 2, NO_CLASS]);
    table.release(Id.of('t1'), Id.of('r1'), 2);
    expect([
      table.byTraceId(Id.of('t1'), 2),
      table.byRequestId(Id.of('r1'), 2),
      table.byRequestId(Id.of('r2'), 2),
    ]).toEqual([2, NO_CLASS, 2]);
    table.release(Id.of('t1'), Id.of('r2'), 2);
    expect(table.byTraceId(Id.of('t1'), 3)).toBe(NO_CLASS);
    expect(table.counters.traceId).toEqual({
      hits: 2,
      misses: 1,
      collisions: 0,
      evictions: 0,
      expirations: 0,
    });
  });

  test('leaves empty ids out', () => {
    const table = new ProvenanceTable();
    table.register(Id.of(''), Id.of(''), 1, 0);
    expect([table.byTraceId(Id.of(''), 0), table.byRequestId(Id.of(''), 0)]).toEqual([NO_CLASS, NO_CLASS]);
    table.release(Id.of(''), Id.of(''), 1);
  });

  test('abstains while requests of different classes share an id', () => {
    const table = new ProvenanceTable();
    table.register(Id.of('t'), Id.of('r1'), 0, 0);
    table.register(Id.of('t'), Id.of('r2'), 2, 0);
    expect(table.byTraceId(Id.of('t'), 0)).toBe(AMBIGUOUS_CLASS);
    table.release(Id.of('t'), Id.of('r2'), 2);
    expect(table.byTraceId(Id.of('t'), 0)).toBe(0);
    table.register(Id.of('t'), Id.of('r2'), 2, 0);
    table.release(Id.of('t'), Id.of('r1'), 0);
    expect(table.byTraceId(Id.of('t'), 0)).toBe(AMBIGUOUS_CLASS);
    table.release(Id.of('t'), Id.of('r2'), 2);
    expect(table.byTraceId(Id.of('t'), 0)).toBe(NO_CLASS);
    expect(table.counters.traceId.collisions).toBe(2);
  });

  test('forgets what nobody released in time', () => {
    const table = new ProvenanceTable({ ttlMs: 100 });
    table.register(Id.of('t'), Id.of('r'), 1, 1000);
    expect(table.byTraceId(Id.of('t'), 1099)).toBe(1);
    expect(table.byTraceId(Id.of('t'), 1100)).toBe(NO_CLASS);
    expect(table.counters.traceId).toMatchObject({ hits: 1, misses: 1, expirations: 1 });
    table.register(Id.of('t'), Id.of('r'), 2, 1200);
    expect(table.byTraceId(Id.of('t'), 1201)).toBe(2);
  });

  test('is bounded: the id that was used longest ago goes, and is counted', () => {
    const table = new ProvenanceTable({ capacity: 2 });
    table.register(Id.of('a'), Id.of(''), 0, 0);
    table.register(Id.of('b'), Id.of(''), 1, 0);
    table.byTraceId(Id.of('a'), 1);
    table.register(Id.of('c'), Id.of(''), 2, 2);
    expect([
      table.byTraceId(Id.of('a'), 3),
      table.byTraceId(Id.of('b'), 3),
      table.byTraceId(Id.of('c'), 3),
    ]).toEqual([0, NO_CLASS, 2]);
    expect(table.counters.traceId.evictions).toBe(1);
    table.release(Id.of('b'), Id.of(''), 1);
  });

  test('answers as a plain list of what is inside, whatever comes and goes', () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd');
    const step = fc.record({ add: fc.boolean(), id, classIndex: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const table = new ProvenanceTable({ capacity: 4 });
        let inside: { id: string; classIndex: number }[] = [];
        for (const one of steps) {
          const at = inside.findIndex((known) => known.id === one.id && known.classIndex === one.classIndex);
          if (one.add) {
            table.register(Id.of(one.id), Id.of(''), one.classIndex, 0);
            inside.push(one);
          } else if (at >= 0) {
            table.release(Id.of(one.id), Id.of(''), one.classIndex);
            inside = inside.toSpliced(at, 1);
          }
          for (const asked of ['a', 'b', 'c', 'd']) {
            const classes = new Set(
              inside.filter((known) => known.id === asked).map(({ classIndex }) => classIndex),
            );
            const answer = table.byTraceId(Id.of(asked), 0);
            if (classes.size === 0) expect(answer).toBe(NO_CLASS);
            else if (classes.size > 1) expect(answer).toBe(AMBIGUOUS_CLASS);
            // After a collision it may abstain until the id is free again, but it never names another class.
            else expect([AMBIGUOUS_CLASS, ...classes]).toContain(answer);
          }
        }
      }),
    );
  });

  test('stays correct at its bound, under any order of use', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.boolean()), { maxLength: 100 }), (uses) => {
        const table = new ProvenanceTable({ capacity: 3 });
        let recent: number[] = [];
        for (const [key, add] of uses) {
          const known = recent.includes(key);
          if (add) {
            table.register(Id.of(`id${key}`), Id.of(''), key % 3, 0);
          } else {
            expect(table.byTraceId(Id.of(`id${key}`), 0)).toBe(known ? key % 3 : NO_CLASS);
          }
          if (known || add) recent = [key, ...recent.filter((other) => other !== key)].slice(0, 3);
        }
      }),
    );
  });

  test('finds every id that is inside and no other, however many have come and gone', () => {
    const capacity = 200;
    const table = new ProvenanceTable({ capacity });
    const inside = new Map<string, number>();
    const random = seededRandom(7);
    for (let step = 0; step < 20_000; step += 1) {
      const key = String(random.below(400)).repeat(1 + random.below(4));
      const known = inside.get(key);
      if (known !== undefined) {
        table.release(Id.of(''), Id.of(key), known);
        inside.delete(key);
      } else if (inside.size < capacity) {
        table.register(Id.of(''), Id.of(key), step % 3, step);
        inside.set(key, step % 3);
      }
      const asked = String(random.below(400));
      expect(table.byRequestId(Id.of(asked), step)).toBe(inside.get(asked) ?? NO_CLASS);
    }
    for (const [key, classIndex] of inside) expect(table.byRequestId(Id.of(key), 0)).toBe(classIndex);
    expect(table.counters.requestId).toMatchObject({ evictions: 0, expirations: 0 });
  });
});

describe('resolving', () => {
  const table = new ProvenanceTable();
  table.register(Id.of('trace-batch'), Id.of('request-interactive'), 2, 0);
  table.register(Id.of('shared'), Id.of('only-standard'), 1, 0);
  table.register(Id.of('shared'), Id.of('only-batch'), 2, 0);
  const resolver = createProvenanceResolver(POLICY, table, 0);
  const resolve = (some: Parameters<typeof carriedWith>[0]): unknown =>
    resolver.resolve(carriedWith(some), 1);

  test('takes the wire, then the trace id, then the request id, then the default, and says which', () => {
    expect(resolve({ classIndex: 1, traceId: 'trace-batch' })).toEqual({
      classIndex: 1,
      className: 'standard',
      reason: 'wire',
    });
    expect(resolve({ traceId: 'trace-batch', requestId: 'only-standard' })).toMatchObject({
      classIndex: 2,
      reason: 'trace-id',
    });
    expect(resolve({ traceId: 'unknown', requestId: 'only-standard' })).toMatchObject({
      classIndex: 1,
      reason: 'request-id',
    });
    expect(resolve({})).toEqual({ classIndex: 0, className: 'interactive', reason: 'default' });
    expect(resolver.counters).toEqual({ wire: 1, traceId: 1, requestId: 1, default: 1, ambiguous: 0 });
  });

  test('a request id can settle what a shared trace id leaves open; else nobody gains by sharing, and it is counted', () => {
    expect(resolve({ traceId: 'shared', requestId: 'only-batch' })).toMatchObject({
      classIndex: 2,
      reason: 'request-id',
    });
    expect(resolve({ traceId: 'shared' })).toMatchObject({ classIndex: 2, reason: 'ambiguous' });
    expect(resolver.counters).toMatchObject({ ambiguous: 1, default: 1 });
    const mixed = new ProvenanceTable();
    mixed.register(Id.of('t'), Id.of(''), 1, 0);
    mixed.register(Id.of('t'), Id.of(''), 0, 0);
    const byPolicy = createProvenanceResolver(POLICY, mixed);
    expect(byPolicy.resolve(carriedWith({ traceId: 't' }), 1)).toMatchObject({ className: 'batch' });
    const important = createProvenanceResolver(POLICY, mixed, 0);
    expect(important.resolve(carriedWith({ traceId: 't' }), 1)).toMatchObject({
      className: 'standard',
    });
  });

  test("without a word on it the default is the policy's ingress default", () => {
    const byPolicy = createProvenanceResolver(POLICY, new ProvenanceTable());
    expect(byPolicy.resolve(new Carried(), 0)).toMatchObject({ className: 'batch', reason: 'default' });
  });
});
