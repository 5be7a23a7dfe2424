import { describe, expect, test } from 'vitest';
import { extract, forward, propagation, TRACEPARENT } from './fixtures.ts';

const read = (baggage: string): number => extract(propagation(), { baggage }).classIndex;
const rewrite = (baggage: string, classIndex: number): string | undefined =>
  forward(propagation(), { traceparent: TRACEPARENT, baggage }, classIndex).baggage;

describe('baggage (W3C Baggage)', () => {
  test.each([
    ['§3.3.1 the own member alone', 'priomesh.class=batch', 2],
    ['§3.3.1 among others', 'userId=alice,priomesh.class=standard,isProduction=false', 1],
    ['§3.3.1 white space around everything', 'a=b , priomesh.class \t= batch ;p', 2],
    ['§3.3.1 properties', 'priomesh.class=batch;ttl=3;x', 2],
    ['§3.3.1 a percent-encoded value', 'priomesh.class=b%61tch', 2],
    ['§3.3.1 empty members', ',,priomesh.class=batch,,', 2],
    ['§3.3.1 members that are malformed', 'nonsense,"a b"=c,priomesh.class=batch', 2],
    ['a key in other letters', 'Priomesh.Class=batch', -1],
    ['a longer key', 'priomesh.classes=batch', -1],
    ['a key as a value', 'x=priomesh.class', -1],
    ['a key as a property', 'x=1;priomesh.class=batch', -1],
    ['a class that is unknown', 'priomesh.class=gold', -1],
    ['a value that is no valid percent-encoding', 'priomesh.class=%zz', -1],
    ['no value', 'priomesh.class', -1],
    ['nothing', '', -1],
  ])('%s is read', (_, baggage, expected) => {
    expect(read(baggage)).toBe(expected);
  });

  test('§3.3.1 of duplicates the first counts, and the disagreement is counted', () => {
    const subject = propagation();
    const headers = {
      traceparent: TRACEPARENT,
      baggage: 'priomesh.class=batch,a=b,priomesh.class=interactive',
    };
    expect(extract(subject, headers)).toMatchObject({ classIndex: 2, disagreement: true });
    expect(forward(subject, headers, 2).baggage).toBe('priomesh.class=batch,a=b');
  });

  test('§3.4 members of others are sent on as they came, with their properties and in their order', () => {
    expect(rewrite('userId=Am%C3%A9lie;meta="x",priomesh.class=batch;q=1,a = b ; p , a=2', 0)).toBe(
      'priomesh.class=interactive,userId=Am%C3%A9lie;meta="x",a = b ; p,a=2',
    );
  });

  test('§3.4 a list that says the right class is not touched', () => {
    const baggage = 'a=b,, priomesh.class=batch ;x';
    expect(rewrite(baggage, 2)).toBe(baggage);
  });

  test('§3.3.2 64 members and 8192 bytes of others are always sent on', () => {
    const members = Array.from({ length: 64 }, (_, n) => `key${n}=1`);
    expect(rewrite(members.join(','), 0)).toBe(['priomesh.class=interactive', ...members].join(','));
    const large = `a=${'x'.repeat(8190)}`;
    expect(rewrite(large, 0)).toBe(`priomesh.class=interactive,${large}`);
  });

  test('§3.3.2 beyond the limits whole members go, from the end', () => {
    const subject = propagation();
    const headers = { baggage: Array.from({ length: 181 }, (_, n) => `k${n}=1`).join(',') };
    expect(forward(subject, headers, 0).baggage?.split(',')).toHaveLength(180);
    expect(subject.counters.droppedBaggageMembers).toBe(2);
    expect(rewrite(`a=1,b=${'x'.repeat(8190)},c=1`, 0)).toBe('priomesh.class=interactive,a=1');
  });

  test.each([
    ['a line break', 'a=1\r\nx-evil: 1,priomesh.class=batch'],
    ['a null character', 'a=\0,priomesh.class=batch'],
    ['a character that would become a line break in one byte', 'a=\u010d\u010a,priomesh.class=batch'],
    ['an endless list', `priomesh.class=batch,${'a'.repeat(20_000)}`],
  ])('%s: the header is discarded', (_, baggage) => {
    const subject = propagation();
    expect(extract(subject, { baggage }).classIndex).toBe(-1);
    expect(forward(subject, { baggage }, 0).baggage).toBe('priomesh.class=interactive');
    expect(subject.counters.invalidBaggages).toBe(2);
  });
});
