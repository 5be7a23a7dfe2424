import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CARRIER, CARRIER_HEADER_NAMES, CarrierHeaders } from '../../../src/propagation/index.ts';
import {
  carriers,
  extract,
  forward,
  MEMBERS,
  POLICY,
  propagation,
  SPAN_ID,
  type Texts,
  TRACE_ID,
  TRACEPARENT,
} from './fixtures.ts';

describe('the class on the wire', () => {
  test('makes the round trip through every set of surviving carriers', () => {
    const others: Texts = {
      traceparent: TRACEPARENT,
      tracestate: 'rojo=1',
      baggage: 'a=b',
      priority: 'u=1, i',
    };
    fc.assert(
      fc.property(
        fc.nat(POLICY.classes.length - 1),
        fc.subarray([...MEMBERS]),
        fc.constantFrom('tracestate', 'baggage'),
        (index, kept, survivor) => {
          const headers = Object.fromEntries(kept.map((member) => [member, others[member]]));
          const next = forward(propagation(), headers, index);
          const seen =
            survivor === 'tracestate'
              ? { traceparent: next.traceparent, tracestate: next.tracestate }
              : { baggage: next.baggage };
          expect(extract(propagation(), seen).classIndex).toBe(index);
        },
      ),
    );
  });

  test('tracestate goes before baggage, and the contradiction is counted and ended', () => {
    const subject = propagation();
    const headers = {
      traceparent: TRACEPARENT,
      tracestate: 'priomesh=c:batch',
      baggage: 'priomesh.class=interactive',
    };
    expect(extract(subject, headers)).toMatchObject({ classIndex: 2, disagreement: true });
    expect(subject.counters.disagreements).toBe(1);
    const next = forward(subject, headers, 2);
    expect(next).toMatchObject({ tracestate: 'priomesh=c:batch', baggage: 'priomesh.class=batch' });
    expect(extract(subject, next).disagreement).toBe(false);
  });

  test('a head that says the class already is left alone', () => {
    const subject = propagation();
    const headers = forward(subject, {}, 1);
    const edits = subject.inject(carriers(headers), extract(subject, headers), 1);
    expect(edits).toMatchObject({ drop: 0, length: 0 });
  });

  test('lines that depend on the class alone are formatted once', () => {
    const subject = propagation();
    const headers = { traceparent: TRACEPARENT, xRequestId: 'r1' };
    const carried = extract(subject, headers);
    const { bytes } = subject.inject(carriers(headers), carried, 2);
    expect(bytes.toString('latin1')).toBe(
      'tracestate: priomesh=c:batch\r\nbaggage: priomesh.class=batch\r\npriority: u=7\r\n',
    );
    expect(subject.inject(carriers(headers), carried, 2).bytes).toBe(bytes);
  });
});

describe('the trust boundary', () => {
  test('what an outsider says of the class is not believed, counted and replaced; members of others stay', () => {
    const subject = propagation();
    const headers = {
      traceparent: TRACEPARENT,
      tracestate: 'rojo=1,priomesh=c:interactive',
      baggage: 'priomesh.class=interactive,a=b',
      priority: 'u=0',
    };
    expect(extract(subject, headers, false)).toMatchObject({ classIndex: -1, urgency: 0, traceId: TRACE_ID });
    expect(forward(subject, headers, 2, false)).toMatchObject({
      traceparent: TRACEPARENT,
      tracestate: 'priomesh=c:batch,rojo=1',
      baggage: 'priomesh.class=batch,a=b',
      priority: 'u=7',
    });
    expect(subject.counters.foreignClasses).toBe(2);
  });

  test('every header of the boundary is replaced where it contradicts the class or the trace, and no other is', () => {
    const subject = propagation();
    const headers = Object.fromEntries(MEMBERS.map((member) => [member, 'x=y']));
    const hostile: Texts = { ...headers, traceparent: TRACEPARENT };
    const { drop } = subject.inject(carriers(hostile), extract(subject, hostile, false), 2);
    const kept = CARRIER_HEADER_NAMES.filter((_, index) => (drop & (1 << index)) === 0);
    expect(kept).toEqual(['traceparent', 'x-request-id']);
  });

  const other = 'f'.repeat(32);
  test.each<[string, Texts]>([
    ['b3 of another trace', { traceparent: TRACEPARENT, b3: `${other}-${SPAN_ID}-1` }],
    ['two lines of b3', { b3: `${other}-${SPAN_ID}-1,${other}-${SPAN_ID}-1` }],
    ['x-b3-* of another trace', { traceparent: TRACEPARENT, xB3TraceId: other, xB3SpanId: SPAN_ID }],
    ['x-b3-* beside b3', { b3: `${TRACE_ID}-${SPAN_ID}`, xB3TraceId: other, xB3SpanId: SPAN_ID }],
    ['two lines of x-b3-traceid', { xB3TraceId: `${other},${other}`, xB3SpanId: SPAN_ID, xB3Flags: '1' }],
  ])('%s: whatever id of it an application forwards, the request is found by it', (_, headers) => {
    const next = forward(propagation(), headers, 2, false);
    const { traceparent, b3, ...multi } = next;
    for (const alone of [{ traceparent }, { b3 }, multi]) {
      if (Object.values(alone).every((value) => value === undefined)) continue;
      const { traceId } = extract(propagation(), alone);
      if (traceId !== '') expect(traceId).toBe(extract(propagation(), { traceparent }).traceId);
    }
    expect(JSON.stringify(next)).not.toContain(other);
    expect(JSON.stringify(forward(propagation(), headers, 2, true))).toContain(other);
  });

  test.each(['', 'a b', 'x'.repeat(129), 'a,b'])(
    'a request id that is no key does not come in: %j',
    (xRequestId) => {
      const subject = propagation();
      const carried = extract(subject, { xRequestId }, false);
      const { bytes, drop } = subject.inject(carriers({ xRequestId }), carried, 2);
      expect(drop & (1 << CARRIER_HEADER_NAMES.indexOf('x-request-id'))).not.toBe(0);
      expect(carried.requestId).toMatch(/^[0-9a-f-]{36}$/);
      expect(bytes.toString('latin1')).toContain(`x-request-id: ${carried.requestId}\r\n`);
      expect(forward(propagation(), { xRequestId }, 2).xRequestId).toBe(xRequestId);
    },
  );

  test('B3 that agrees with the trace, and a good request id, come in as they are', () => {
    const headers = {
      traceparent: TRACEPARENT,
      b3: `${TRACE_ID}-${SPAN_ID}-1`,
      xB3TraceId: TRACE_ID,
      xB3SpanId: SPAN_ID,
      xRequestId: 'r1',
    };
    expect(forward(propagation(), headers, 2, false)).toMatchObject(headers);
    expect(forward(propagation(), { b3: '0' }, 2, false).b3).toBe('0');
  });
});

describe('x-request-id', () => {
  test('is passed on, or made: a UUID of version 4 (RFC 9562 §5.4)', () => {
    expect(forward(propagation(), { xRequestId: 'abc' }, 0).xRequestId).toBe('abc');
    expect(forward(propagation(), {}, 0).xRequestId).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  test.each(['', 'a b', 'a\u00e9', 'a,b', 'x'.repeat(129)])('%j is no key, and counted', (xRequestId) => {
    const subject = propagation();
    expect(extract(subject, { xRequestId }).requestId).toBe('');
    expect(subject.counters.invalidRequestIds).toBe(1);
  });

  test('a second rewrite of the same request keeps the ids of the first', () => {
    const subject = propagation();
    const carried = extract(subject, {});
    const first = Buffer.from(subject.inject(carriers({}), carried, 0).bytes).toString('latin1');
    const ids = [carried.traceId, carried.requestId];
    subject.inject(carriers({}), carried, 0);
    expect([carried.traceId, carried.requestId]).toEqual(ids);
    expect(first).toContain(carried.requestId);
  });
});

describe('carrier headers', () => {
  test('lines of one name are joined, in whatever form they came; clearing leaves none', () => {
    expect(CARRIER_HEADER_NAMES.map((name) => name.replaceAll('-', ''))).toEqual(
      MEMBERS.map((member) => member.toLowerCase()),
    );
    const headers = new CarrierHeaders();
    const line = Buffer.from('baggage: a=1 baggage: b=2');
    headers.add(CARRIER.baggage, line, 9, 12);
    expect(headers.text(CARRIER.baggage)).toBe('a=1');
    headers.add(CARRIER.baggage, line, 22, 25);
    expect(headers.text(CARRIER.baggage)).toBe('a=1,b=2');
    const { bytes, start, end } = {
      bytes: headers.bytes(CARRIER.baggage),
      start: headers.start(CARRIER.baggage),
      end: headers.end(CARRIER.baggage),
    };
    expect(bytes.toString('latin1', start, end)).toBe('a=1,b=2');
    headers.setText(CARRIER.b3, '0');
    headers.clear();
    expect(CARRIER_HEADER_NAMES.filter((name) => headers.has(CARRIER[name]))).toEqual([]);
    expect(headers.text(CARRIER.b3)).toBeUndefined();
  });

  test('a text that is not Latin-1 is as bytes none that anybody means', () => {
    // Cut to eight bits, the letter would be the `b` of batch.
    const baggage = 'priomesh.class=\u0162atch';
    expect(extract(propagation(), { baggage })).toMatchObject({ classIndex: -1, baggageClass: -1 });
  });
});

describe('hostile headers', () => {
  const piece = fc.constantFrom(
    'priomesh=c:batch',
    'priomesh.class=interactive',
    TRACE_ID,
    SPAN_ID,
    TRACEPARENT,
    'u=1',
    '(',
    '"',
    '%',
    ',',
    ';',
    '=',
    '-',
    ' ',
    '\r\n',
    '\0',
    '\u010a',
  );
  const text = fc.oneof(
    fc.constant(undefined),
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
    fc.constantFrom(TRACEPARENT, 'a'.repeat(70_000), ','.repeat(20_000)),
  );
  const headers = fc.record(
    Object.fromEntries(MEMBERS.map((member) => [member, text])),
  ) as fc.Arbitrary<Texts>;

  test('never throw, never break out of their lines, and the class arrives', () => {
    const subject = propagation({ startB3: 'multi' });
    fc.assert(
      fc.property(headers, fc.nat(2), fc.boolean(), (hostile, classIndex, believed) => {
        const carried = extract(subject, hostile, believed);
        const { bytes, length } = subject.inject(carriers(hostile), carried, classIndex);
        const lines = bytes.toString('latin1', 0, length);
        expect(lines).toMatch(/^(?:[a-z0-9-]+: [\t\x20-\x7e\x80-\xff]*\r\n)*$/);
        const next = forward(subject, hostile, classIndex, believed);
        expect(extract(subject, next)).toMatchObject({
          classIndex,
          tracestateClass: classIndex,
          baggageClass: classIndex,
          disagreement: false,
        });
      }),
      { numRuns: 2000 },
    );
  });
});
