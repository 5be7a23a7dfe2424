import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AmqpFault,
  ContentHeader,
  editContentHeader,
  editedHeaderFrame,
  type FieldTable,
  type FieldValue,
  FRAME,
  FrameScanner,
} from '../../../../../src/sidecar/amqp/protocol/index.ts';
import { properties, shortText } from './arbitraries.ts';
import { contentBytes } from './content-bytes.ts';

const edits = fc.record(
  {
    priority: fc.integer({ min: 0, max: 255 }),
    headers: fc.dictionary(
      fc.oneof(fc.constantFrom('a', 'b', 'traceparent'), shortText).filter((name) => name !== '__proto__'),
      fc.oneof(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.maxSafeInteger()),
      { maxKeys: 4, noNullPrototype: true },
    ),
    removeHeaders: fc.array(fc.oneof(fc.constantFrom('a', 'b', 'c'), shortText), { maxLength: 3 }),
  },
  { requiredKeys: [] },
);

const added = (value: string | number): FieldValue =>
  typeof value === 'string' ? { type: 'S', value } : { type: 'l', value };

/** What an edit should make of a table: the plain way, by rebuilding it. */
function editedTable(
  table: FieldTable | undefined,
  headers: Readonly<Record<string, string | number>>,
  removeHeaders: readonly string[],
): FieldTable | undefined {
  const entries = Object.entries(headers);
  if (table === undefined && entries.length === 0) return undefined;
  const kept = (table ?? []).filter(
    ([name]) => !Object.hasOwn(headers, name) && !removeHeaders.includes(name),
  );
  return [...kept, ...entries.map(([name, value]) => [name, added(value)] as const)];
}

describe('an edit of a content header', () => {
  it('makes the bytes that writing the edited properties anew would make', () => {
    fc.assert(
      fc.property(properties, edits, fc.maxSafeNat(), fc.nat({ max: 9 }), (drawn, edit, bodySize, before) => {
        const payload = contentBytes(drawn, bodySize);
        const bytes = Buffer.concat([Buffer.alloc(before, 0xff), payload, Buffer.alloc(9, 0xff)]);
        const asItWas = Buffer.from(bytes);
        const found = editContentHeader(bytes, before, before + payload.length, edit);

        const headers = editedTable(drawn.headers, edit.headers ?? {}, edit.removeHeaders ?? []);
        const priority = edit.priority ?? drawn.priority;
        const expected = contentBytes(
          {
            ...drawn,
            ...(headers === undefined ? {} : { headers }),
            ...(priority === undefined ? {} : { priority }),
          },
          bodySize,
        );
        expect(found.equals(expected), `${found.toString('hex')}\n${expected.toString('hex')}`).toBe(true);
        expect(bytes.equals(asItWas)).toBe(true);

        const frame = editedHeaderFrame(
          ContentHeader.read(bytes, before, before + payload.length),
          513,
          edit,
        );
        const scanner = new FrameScanner();
        expect(scanner.scan(frame, 0, frame.length, 2 ** 31)).toBe('frame');
        expect([scanner.type, scanner.channel, scanner.frameEnd]).toEqual([FRAME.header, 513, frame.length]);
        expect(frame.subarray(scanner.payloadStart, scanner.payloadEnd).equals(found)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('replaces a header that stands several times wholly, and takes one away wholly', () => {
    const text = (value: string): FieldValue => ({ type: 'S', value });
    const headers: FieldTable = [
      ['a', text('1')],
      ['keep', { type: 'F', value: [['a', text('inside')]] }],
      ['a', text('2')],
      ['b', text('3')],
      ['b', text('4')],
    ];
    const payload = contentBytes({ headers, messageId: 'm' });
    const found = editContentHeader(payload, 0, payload.length, { headers: { a: 5 }, removeHeaders: ['b'] });
    const expected: FieldTable = [
      ['keep', { type: 'F', value: [['a', text('inside')]] }],
      ['a', { type: 'l', value: 5 }],
    ];
    expect(found).toEqual(contentBytes({ headers: expected, messageId: 'm' }));
  });

  it('of nothing gives the same bytes', () => {
    fc.assert(
      fc.property(properties, (drawn) => {
        const payload = contentBytes(drawn);
        expect(editContentHeader(payload, 0, payload.length, {}).equals(payload)).toBe(true);
      }),
    );
  });

  it('is refused when a name is too long, a number inexact or a priority out of range', () => {
    const payload = contentBytes({});
    const edit = (change: Parameters<typeof editContentHeader>[3]) => () =>
      editContentHeader(payload, 0, payload.length, change);
    expect(edit({ headers: { ['x'.repeat(255)]: 1 } })).not.toThrow();
    expect(edit({ headers: { ['x'.repeat(256)]: 1 } })).toThrow(AmqpFault);
    expect(edit({ headers: { a: 1.5 } })).toThrow(AmqpFault);
    expect(edit({ headers: { a: 2 ** 53 } })).toThrow(AmqpFault);
    expect(edit({ priority: 256 })).toThrow(RangeError);
  });
});
