import { describe, expect, test } from 'vitest';
import { extract, forward, propagation, SPAN_ID, type Texts, TRACE_ID, TRACEPARENT } from './fixtures.ts';

const SHORT_ID = '8448eb211c80319c';
const PADDED_ID = `${'0'.repeat(16)}${SHORT_ID}`;
const PARENT_ID = '05e3ac9a4f6e3b90';

describe('B3 single header', () => {
  test.each([
    ['TraceId and SpanId, decision deferred', `${TRACE_ID}-${SPAN_ID}`, TRACE_ID, -1],
    ['accept', `${TRACE_ID}-${SPAN_ID}-1`, TRACE_ID, 1],
    ['deny', `${TRACE_ID}-${SPAN_ID}-0`, TRACE_ID, 0],
    ['debug', `${TRACE_ID}-${SPAN_ID}-d`, TRACE_ID, 1],
    ['ParentSpanId', `${TRACE_ID}-${SPAN_ID}-1-${PARENT_ID}`, TRACE_ID, 1],
    ['a TraceId of 64 bits', `${SHORT_ID}-${SPAN_ID}-1`, PADDED_ID, 1],
    ['a deny without identifiers', '0', '', 0],
    ['an accept without identifiers', '1', '', 1],
    ['a debug without identifiers', 'd', '', 1],
  ])('%s is taken', (_, b3, traceId, sampled) => {
    const subject = propagation();
    expect(extract(subject, { b3 })).toMatchObject({
      traceId,
      sampled,
      traceSource: traceId === '' ? 'none' : 'b3-single',
    });
    expect(subject.counters.invalidB3s).toBe(0);
    expect(forward(subject, { b3 }, 0).b3).toBe(b3);
  });

  test.each([
    ['nothing', ''],
    ['an unknown state', '2'],
    ['a TraceId alone', TRACE_ID],
    ['a TraceId of zeros', `${'0'.repeat(32)}-${SPAN_ID}-1`],
    ['capitals', `${TRACE_ID.toUpperCase()}-${SPAN_ID}-1`],
    ['a TraceId of another length', `${TRACE_ID.slice(2)}-${SPAN_ID}-1`],
    ['an unknown state behind identifiers', `${TRACE_ID}-${SPAN_ID}-x`],
    ['a ParentSpanId that is too short', `${TRACE_ID}-${SPAN_ID}-1-abc`],
    ['something behind the ParentSpanId', `${TRACE_ID}-${SPAN_ID}-1-${PARENT_ID}-1`],
    ['two headers', `${TRACE_ID}-${SPAN_ID}-1,${TRACE_ID}-${SPAN_ID}-1`],
  ])('%s is ignored, counted and left in place', (_, b3) => {
    const subject = propagation();
    expect(extract(subject, { b3 })).toMatchObject({ traceId: '', sampled: -1 });
    expect(subject.counters.invalidB3s).toBe(1);
    expect(forward(subject, { b3 }, 0).b3).toBe(b3);
  });
});

describe('B3 multiple headers', () => {
  const ids = { xB3TraceId: TRACE_ID, xB3SpanId: SPAN_ID };

  test.each<[string, Texts, number]>([
    ['identifiers, decision deferred', {}, -1],
    ['X-B3-Sampled: 1', { xB3Sampled: '1' }, 1],
    ['X-B3-Sampled: 0', { xB3Sampled: '0' }, 0],
    ['X-B3-Sampled: true, as old tracers wrote', { xB3Sampled: 'true' }, 1],
    ['X-B3-Sampled: false, as old tracers wrote', { xB3Sampled: 'false' }, 0],
    ['X-B3-Flags: 1, which implies accept', { xB3Flags: '1' }, 1],
    ['X-B3-ParentSpanId', { xB3ParentSpanId: PARENT_ID, xB3Sampled: '1' }, 1],
  ])('%s is taken', (_, more, sampled) => {
    expect(extract(propagation(), { ...ids, ...more })).toMatchObject({
      traceId: TRACE_ID,
      spanId: SPAN_ID,
      sampled,
      traceSource: 'b3-multi',
    });
  });

  test('a TraceId of 64 bits is padded; a sampling state may come alone', () => {
    expect(extract(propagation(), { ...ids, xB3TraceId: SHORT_ID }).traceId).toBe(PADDED_ID);
    expect(extract(propagation(), { xB3Sampled: '0' })).toMatchObject({ traceId: '', sampled: 0 });
  });

  test.each<[string, Texts]>([
    ['a TraceId without a SpanId', { xB3TraceId: TRACE_ID }],
    ['a SpanId without a TraceId', { xB3SpanId: SPAN_ID }],
    ['a malformed TraceId', { ...ids, xB3TraceId: 'x' }],
    ['a malformed ParentSpanId', { ...ids, xB3ParentSpanId: 'x' }],
    ['an unknown sampling state', { ...ids, xB3Sampled: 'maybe' }],
    ['unknown flags', { ...ids, xB3Flags: '2' }],
  ])('%s is ignored and counted', (_, headers) => {
    const subject = propagation();
    expect(extract(subject, headers).traceId).toBe('');
    expect(subject.counters.invalidB3s).toBe(1);
  });

  test('the single header goes before the multiple ones, and traceparent before both', () => {
    const other = 'f'.repeat(32);
    expect(extract(propagation(), { ...ids, b3: `${other}-${SPAN_ID}-0` })).toMatchObject({
      traceId: other,
      sampled: 0,
    });
    const all = { ...ids, b3: `${other}-${SPAN_ID}-0`, traceparent: TRACEPARENT };
    expect(extract(propagation(), all)).toMatchObject({ traceId: TRACE_ID, sampled: 1 });
  });
});

describe('a trace that B3 began', () => {
  test('goes on in traceparent with the same identifiers', () => {
    const subject = propagation({ startB3: 'multi' });
    const next = forward(subject, { b3: `${SHORT_ID}-${SPAN_ID}-d` }, 0);
    expect(next.traceparent).toBe(`00-${PADDED_ID}-${SPAN_ID}-01`);
    expect(next.xB3TraceId).toBeUndefined();
    expect(subject.counters.tracesStarted).toBe(0);
  });
});

describe('a trace that starts here', () => {
  test.each(['single', 'multi'] as const)('is written in B3 %s, too, where that is asked for', (startB3) => {
    const subject = propagation({ startB3 });
    const next = forward(subject, {}, 0);
    const { traceparent: _, ...onlyB3 } = next;
    const back = extract(propagation(), onlyB3);
    expect(back).toMatchObject({ traceSource: `b3-${startB3}`, sampled: -1 });
    expect(next.traceparent).toContain(`${back.traceId}-${back.spanId}`);
  });

  test('keeps a decision that came alone', () => {
    expect(forward(propagation({ startB3: 'multi' }), { xB3Sampled: '1' }, 0)).toMatchObject({
      traceparent: expect.stringMatching(/-03$/),
      xB3Sampled: '1',
      xB3TraceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });
});
