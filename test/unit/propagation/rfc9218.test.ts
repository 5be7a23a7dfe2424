import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePriority, serializePriority } from '../../../src/propagation/index.ts';
import { extract, forward, propagation, TRACEPARENT } from './fixtures.ts';

describe('parsePriority', () => {
  test.each([
    ['RFC 9218 §4.1 urgency', 'u=5', 5, false, true],
    ['RFC 9218 §4.2 incremental', 'u=5, i', 5, true, true],
    ['RFC 9218 §4 the defaults', '', 3, false, false],
    ['RFC 9218 §4 the default urgency', 'i', 3, true, false],
    ['RFC 9218 §4 the bounds', 'u=0', 0, false, true],
    ['RFC 9218 §4 the bounds', 'u=7', 7, false, true],
    ['RFC 9218 §4 a value out of range is ignored', 'u=8, i', 3, true, false],
    ['RFC 9218 §4 a value out of range is ignored', 'u=-1', 3, false, false],
    ['RFC 9218 §4 a value of another type is ignored', 'u="1"', 3, false, false],
    ['RFC 9218 §4 a value of another type is ignored', 'u=1.0', 3, false, false],
    ['RFC 9218 §4 a value of another type is ignored', 'u', 3, false, false],
    ['RFC 9218 §4 a value of another type is ignored', 'u=1, i=1', 1, false, true],
    ['RFC 9218 §4 unknown parameters are ignored', 'u=1, x=(a "b");c, y=:aGk=:, z=*t/k', 1, false, true],
    ['RFC 8941 §3.2 the last of two equal keys counts', 'u=1, u=6', 6, false, true],
    ['RFC 8941 §3.2 white space around commas', 'u=1 \t,\t i', 1, true, true],
    ['RFC 8941 §3.1.2 parameters of members', 'u=1;a;b="c";d=?0, i;x', 1, true, true],
    ['RFC 8941 §3.3.6 booleans', 'u=1, i=?1', 1, true, true],
    ['RFC 8941 §3.3.6 booleans', 'u=1, i=?0', 1, false, true],
    ['RFC 8941 §3.3.1 integers', 'u=007', 7, false, true],
    ['RFC 8941 §3.3.1 minus zero is zero', 'u=-0', 0, false, true],
    ['RFC 8941 §4.2 spaces at both ends', '  u=2  ', 2, false, true],
    ['RFC 8941 §3.3.3 strings', 'x="\\"\\\\ ,=", u=2', 2, false, true],
  ])('%s: %s', (_, value, urgency, incremental, explicit) => {
    expect(parsePriority(value)).toEqual({ urgency, incremental, explicit });
  });

  test.each([
    ['RFC 8941 §4.2.2 a comma at the end', 'u=1,'],
    ['RFC 8941 §4.2.2 a comma at the beginning', ',u=1'],
    ['RFC 8941 §4.2.2 members without a comma', 'u=1 i'],
    ['RFC 8941 §3.1.2 a key in capitals', 'U=1'],
    ['RFC 8941 §3.1.2 a key that begins with a digit', '1=u'],
    ['RFC 8941 §4.2.2 no value', 'u='],
    ['RFC 8941 §4.2.2 a space before the value', 'u= 1'],
    ['RFC 8941 §3.3.1 sixteen digits', 'u=1234567890123456'],
    ['RFC 8941 §3.3.1 a sign alone', 'u=-'],
    ['RFC 8941 §3.3.2 a point at the end', 'u=1.'],
    ['RFC 8941 §3.3.2 four digits behind the point', 'u=1.2345'],
    ['RFC 8941 §3.3.3 a string that does not end', 'u="1'],
    ['RFC 8941 §3.3.3 an unknown escape', 'x="\\n"'],
    ['RFC 8941 §3.3.5 a byte sequence that does not end', 'x=:aGk='],
    ['RFC 8941 §3.3.6 another boolean', 'i=?2'],
    ['RFC 8941 §3.1.1 an inner list that does not end', 'x=(a b'],
    ['RFC 8941 §3.1.1 an inner list without spaces', 'x=("a""b")'],
    ['RFC 8941 §3.1.2 a parameter without a key', 'u=1;=2'],
    ['a character beyond ASCII', 'u=1, \u00e9'],
    ['an endless value', `u=1, x="${'a'.repeat(2000)}"`],
  ])('%s: the whole field is ignored', (_, value) => {
    expect(parsePriority(value)).toBeUndefined();
  });

  test('reads back what serializePriority wrote', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 7 }), fc.boolean(), (urgency, incremental) => {
        expect(parsePriority(serializePriority({ urgency, incremental }))).toEqual({
          urgency,
          incremental,
          explicit: true,
        });
      }),
    );
  });
});

describe('the priority header on its way', () => {
  const rewrite = (priority: string | undefined, classIndex: number): string | undefined =>
    forward(propagation(), { traceparent: TRACEPARENT, priority }, classIndex).priority;

  test('an explicit urgency is a wish, not a class', () => {
    expect(extract(propagation(), { priority: 'u=0, i' })).toMatchObject({
      classIndex: -1,
      urgency: 0,
      incremental: true,
    });
    expect(extract(propagation(), { priority: 'i' }).urgency).toBe(-1);
    expect(extract(propagation(), { priority: 'u=?' }).urgency).toBe(-1);
  });

  test('is written from the class: its rank, 7 at most', () => {
    expect(rewrite(undefined, 0)).toBe('u=0');
    expect(rewrite(undefined, 1)).toBe('u=3');
    expect(rewrite(undefined, 2)).toBe('u=7');
  });

  test('contradicts the class no longer, and keeps what else the client said', () => {
    expect(rewrite('u=0, i', 2)).toBe('u=7, i');
    expect(rewrite('u=0', 2)).toBe('u=7');
    expect(rewrite('nonsense=', 2)).toBe('u=7');
    expect(rewrite('u=7, x=1', 2)).toBe('u=7, x=1');
  });

  test('is left alone where writing is off', () => {
    expect(forward(propagation({ writePriority: false }), { priority: 'u=0' }, 2).priority).toBe('u=0');
  });
});
