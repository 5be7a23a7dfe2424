import { describe, expect, test } from 'vitest';
import { TRACESTATE_MAX_CHARACTERS } from '../../../src/propagation/index.ts';
import { carriers, extract, forward, propagation, SPAN_ID, TRACE_ID, TRACEPARENT } from './fixtures.ts';

const ZERO = '0'.repeat(32);

describe('traceparent (W3C Trace Context)', () => {
  test.each([
    ['§3.2.2 version 00', TRACEPARENT],
    ['§3.2.2.5 any flags', `00-${TRACE_ID}-${SPAN_ID}-ff`],
    ['§3.2.4 a higher version of the same length', `cc-${TRACE_ID}-${SPAN_ID}-01`],
    ['§3.2.4 a higher version with more behind a dash', `cc-${TRACE_ID}-${SPAN_ID}-01-what-the-future-holds`],
  ])('%s is taken and passed on unchanged', (_, traceparent) => {
    const subject = propagation();
    const carried = extract(subject, { traceparent });
    expect(carried).toMatchObject({
      traceId: TRACE_ID,
      spanId: SPAN_ID,
      sampled: 1,
      traceSource: 'traceparent',
    });
    expect(forward(subject, { traceparent }, 0).traceparent).toBe(traceparent);
    expect(subject.counters.invalidTraceparents).toBe(0);
  });

  test('§3.2.2.5.1 the sampled flag is one bit of eight', () => {
    expect(extract(propagation(), { traceparent: `00-${TRACE_ID}-${SPAN_ID}-08` }).sampled).toBe(0);
    expect(extract(propagation(), { traceparent: `00-${TRACE_ID}-${SPAN_ID}-09` }).sampled).toBe(1);
  });

  test.each([
    ['§3.2.2.1 version ff', `ff-${TRACE_ID}-${SPAN_ID}-01`],
    ['§3.2.2.1 a version that is not hexadecimal', `0x-${TRACE_ID}-${SPAN_ID}-01`],
    ['§3.2.2.1 a version of one digit', `0-${TRACE_ID}-${SPAN_ID}-01`],
    ['§3.2.2.2 version 00 and more behind it', `${TRACEPARENT}-00`],
    ['§3.2.2.2 version 00 and a dash behind it', `${TRACEPARENT}-`],
    ['§3.2.2.2 a piece missing', `00-${TRACE_ID}-${SPAN_ID}`],
    ['§3.2.2.2 other delimiters', `00_${TRACE_ID}_${SPAN_ID}_01`],
    ['§3.2.2.3 a trace id of zeros', `00-${ZERO}-${SPAN_ID}-01`],
    ['§3.2.2.3 a trace id in capitals', `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`],
    ['§3.2.2.3 a trace id that is too short', `00-${TRACE_ID.slice(1)}-${SPAN_ID}-01x`],
    ['§3.2.2.4 a parent id of zeros', `00-${TRACE_ID}-${'0'.repeat(16)}-01`],
    ['§3.2.2.4 a parent id that is not hexadecimal', `00-${TRACE_ID}-${'g'.repeat(16)}-01`],
    ['§3.2.2.5 flags in capitals', `00-${TRACE_ID}-${SPAN_ID}-0A`],
    ['§3.2.4 a higher version that is too short', `cc-${TRACE_ID}-${SPAN_ID}-0`],
    ['§3.2.4 a higher version without the dash', `cc-${TRACE_ID}-${SPAN_ID}-01.what`],
    ['§3.2.1 two headers', `${TRACEPARENT},${TRACEPARENT}`],
    ['an empty one', ''],
    ['an endless one', `cc-${TRACE_ID}-${SPAN_ID}-01-${'x'.repeat(1000)}`],
  ])('%s is ignored and a new trace is started', (_, traceparent) => {
    const subject = propagation();
    const carried = extract(subject, { traceparent });
    expect(carried).toMatchObject({ traceId: '', traceSource: 'none', sampled: -1 });
    const next = forward(subject, { traceparent }, 0).traceparent;
    expect(next).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-02$/);
    expect(subject.counters).toMatchObject({ invalidTraceparents: 2, tracesStarted: 1 });
  });

  test('§3.2.2 a trace that starts here has fresh ids, and says so in the random flag (level 2 §3.2.2.5.2)', () => {
    const subject = propagation();
    const first = forward(subject, {}, 0).traceparent;
    const second = forward(subject, {}, 0).traceparent;
    expect(first).toBe('00-0102030405060708090a0b0c0d0e0f10-1112131415161718-02');
    expect(second).not.toBe(first);
    expect(forward(propagation({ sampleNewTraces: true }), {}, 0).traceparent).toMatch(/-03$/);
  });

  test('§3.2.2.3 and §3.2.2.4 a source of zeros gives no id of zeros', () => {
    const subject = propagation({ randomFill: (into) => into.fill(0) });
    const next = forward(subject, {}, 0);
    expect(extract(subject, next).traceSource).toBe('traceparent');
  });

  test('the ids of a new trace are handed back for the provenance table', () => {
    const subject = propagation();
    const carried = extract(subject, {});
    subject.inject(carriers({}), carried, 0);
    expect(carried.traceId).toBe('0102030405060708090a0b0c0d0e0f10');
    expect(carried.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('tracestate (W3C Trace Context)', () => {
  const read = (tracestate: string): number =>
    extract(propagation(), { traceparent: TRACEPARENT, tracestate }).classIndex;
  const rewrite = (tracestate: string, classIndex: number): string | undefined =>
    forward(propagation(), { traceparent: TRACEPARENT, tracestate }, classIndex).tracestate;

  test('the own member is read wherever it stands', () => {
    expect(read('priomesh=c:batch')).toBe(2);
    expect(read('rojo=1,priomesh=c:standard,congo=2')).toBe(1);
    expect(read('rojo=1')).toBe(-1);
  });

  test('a class that the policy does not have is none, and counted', () => {
    const subject = propagation();
    const headers = { traceparent: TRACEPARENT, tracestate: 'priomesh=c:gold,rojo=1' };
    expect(extract(subject, headers)).toMatchObject({ classIndex: -1, tracestateClass: -2 });
    expect(forward(subject, headers, 0).tracestate).toBe('priomesh=c:interactive,rojo=1');
    expect(subject.counters.unknownClasses).toBe(2);
    expect(read('priomesh=batch')).toBe(-1);
  });

  test('§3.3 it is not read and not sent on without a valid traceparent', () => {
    for (const traceparent of [undefined, 'nonsense']) {
      const subject = propagation();
      const headers = { traceparent, tracestate: 'priomesh=c:interactive,rojo=1' };
      expect(extract(subject, headers).classIndex).toBe(-1);
      expect(forward(subject, headers, 2).tracestate).toBe('priomesh=c:batch');
      expect(subject.counters.invalidTracestates).toBe(2);
    }
  });

  test('§3.5 an unchanged member stays where it is', () => {
    expect(rewrite('rojo=1,priomesh=c:batch,congo=2', 2)).toBe('rojo=1,priomesh=c:batch,congo=2');
  });

  test('§3.5 a changed member moves to the front and the others keep their order', () => {
    expect(rewrite('rojo=1,priomesh=c:batch,congo=2', 0)).toBe('priomesh=c:interactive,rojo=1,congo=2');
    expect(rewrite('rojo=1,congo=2', 1)).toBe('priomesh=c:standard,rojo=1,congo=2');
  });

  test('§3.3.1.4 only one entry per key: the first counts, none of the own ones survives a rewrite', () => {
    const subject = propagation();
    const headers = {
      traceparent: TRACEPARENT,
      tracestate: 'priomesh=c:batch,rojo=1,priomesh=c:interactive',
    };
    expect(extract(subject, headers)).toMatchObject({ classIndex: 2, disagreement: true });
    expect(forward(subject, headers, 2).tracestate).toBe('priomesh=c:batch,rojo=1');
    expect(subject.counters.disagreements).toBe(2);
  });

  test.each([
    ['§3.3.1.2 empty members', 'rojo=1,,priomesh=c:batch,', 2],
    ['§3.3.1.2 members of white space', 'rojo=1, \t ,priomesh=c:batch', 2],
    ['§3.3.1.1 white space around members', ' rojo=1 \t, priomesh=c:batch ', 2],
    ['§3.3.1.3.1 the characters of a key', 'a0_-*/b=1,priomesh=c:batch', 2],
    ['§3.3.1.3.1 a multi-tenant key', 'fw529a3039@dt=FfC,priomesh=c:batch', 2],
    ['§3.3.1.3.1 a multi-tenant key that begins with a digit', '0fw@dt=1,priomesh=c:batch', 2],
    ['§3.3.1.3.1 a key of 256 characters', `${'k'.repeat(256)}=1,priomesh=c:batch`, 2],
    ['§3.3.1.3.2 a value of 256 characters', `k=${'v'.repeat(256)},priomesh=c:batch`, 2],
    ['§3.3.1.3.2 spaces inside and before a value', 'k= a b,priomesh=c:batch', 2],
    ['§3.3.1.3.2 all characters of a value', 'k=!"#$%&\'()*+-./:;<>?@[\\]^_`{|}~,priomesh=c:batch', 2],
    [
      '§3.3.1.1 32 members',
      `priomesh=c:batch${Array.from({ length: 31 }, (_, n) => `,k${n}=1`).join('')}`,
      2,
    ],
  ])('%s are taken', (_, tracestate, expected) => {
    expect(read(tracestate)).toBe(expected);
  });

  test.each([
    ['§3.3.1.1 33 members', `priomesh=c:batch${Array.from({ length: 32 }, (_, n) => `,k${n}=1`).join('')}`],
    ['§3.3.1.2 a member without an equals sign', 'rojo,priomesh=c:batch'],
    ['§3.3.1.3.1 a key in capitals', 'Rojo=1,priomesh=c:batch'],
    ['§3.3.1.3.1 an empty key', '=1,priomesh=c:batch'],
    ['§3.3.1.3.1 a space in a key', 'ro jo=1,priomesh=c:batch'],
    ['§3.3.1.3.1 a key of 257 characters', `${'k'.repeat(257)}=1,priomesh=c:batch`],
    ['§3.3.1.3.2 an empty value', 'rojo=,priomesh=c:batch'],
    ['§3.3.1.3.2 an equals sign in a value', 'rojo=1=2,priomesh=c:batch'],
    ['§3.3.1.3.2 a value of 257 characters', `k=${'v'.repeat(257)},priomesh=c:batch`],
    ['§3.3.1.3.2 a tab in a value', 'rojo=a\tb,priomesh=c:batch'],
    ['§3.3.1.3.2 a character beyond ASCII', 'rojo=\u00e9,priomesh=c:batch'],
    ['a line break', 'rojo=a\r\nx-evil: 1,priomesh=c:batch'],
    ['an endless list', ','.repeat(10_000)],
  ])('%s: the whole list is discarded', (_, tracestate) => {
    const subject = propagation();
    expect(extract(subject, { traceparent: TRACEPARENT, tracestate }).classIndex).toBe(-1);
    expect(subject.counters.invalidTracestates).toBe(1);
    expect(rewrite(tracestate, 0)).toBe('priomesh=c:interactive');
  });

  test('§3.3.1.1 at most 32 members leave: the last one makes room for ours', () => {
    const others = Array.from({ length: 32 }, (_, n) => `k${n}=1`);
    expect(rewrite(others.join(','), 0)).toBe(['priomesh=c:interactive', ...others.slice(0, 31)].join(','));
  });

  test('§3.3.1.5 at least 512 characters of others leave', () => {
    const others = [`a=${'x'.repeat(254)}`, `b=${'y'.repeat(253)}`].join(',');
    expect(others.length).toBe(512);
    expect(rewrite(others, 0)).toBe(`priomesh=c:interactive,${others}`);
  });

  test('§3.3.1.5 where a list has to be cut, members above 128 characters go first, then the last ones', () => {
    const small = Array.from({ length: 9 }, (_, n) => `s${n}=${'x'.repeat(100)}`);
    const large = `large=${'x'.repeat(200)}`;
    const subject = propagation();
    const headers = { traceparent: TRACEPARENT, tracestate: [large, ...small].join(',') };
    const next = forward(subject, headers, 0).tracestate ?? '';
    expect(next).toBe(['priomesh=c:interactive', ...small].join(','));
    expect(next.length).toBeLessThanOrEqual(TRACESTATE_MAX_CHARACTERS);
    expect(subject.counters.droppedTracestateMembers).toBe(1);
    const tooMany = Array.from({ length: 12 }, (_, n) => `s${n}=${'x'.repeat(100)}`);
    expect(rewrite(tooMany.join(','), 0)).toBe(['priomesh=c:interactive', ...tooMany.slice(0, 9)].join(','));
  });
});
