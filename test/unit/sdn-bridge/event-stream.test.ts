import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventStreamParser, type ServerEvent } from '../../../src/sdn-bridge/northbound/event-stream.ts';

function parse(...chunks: string[]): ServerEvent[] {
  const parser = new EventStreamParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
}

test('events, comments, ids and fields that nobody knows', () => {
  expect(
    parse(
      ': alive\n\nid: 1-2\nevent: topology\ndata: {"a":1}\nretry: 9\n\ndata:x\ndata: y\ndata\n\nevent: none\n\n',
    ),
  ).toEqual([
    { type: 'topology', data: '{"a":1}' },
    { type: 'message', data: 'x\ny\n' },
  ]);
});

test('an event that is not complete is none', () => {
  expect(parse('data: x\n')).toEqual([]);
});

test('however the text is cut and whatever ends its lines, the events are the same', () => {
  const line = fc.constantFrom('data: 1', 'data:2', 'event: a', ': c', '', '', 'data', 'x');
  fc.assert(
    fc.property(
      fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r'))),
      fc.array(fc.nat({ max: 12 })),
      (lines, cuts) => {
        // A line feed behind a carriage return would be one line's end with it.
        const safe: [string, string][] = [];
        for (const [text, end] of lines) {
          if (text !== '' || end !== '\n' || safe.at(-1)?.[1] !== '\r') safe.push([text, end]);
        }
        const whole = `${safe.map(([text, end]) => text + end).join('')}\n`;
        const plain = `${safe.map(([text]) => `${text}\n`).join('')}`;
        const chunks: string[] = [];
        let rest = whole;
        for (const cut of cuts) {
          chunks.push(rest.slice(0, cut));
          rest = rest.slice(cut);
        }
        const ends = safe.at(-1)?.[1] === '\r' ? '' : '\n';
        expect(parse(...chunks, rest)).toEqual(parse(plain + ends));
      },
    ),
    { examples: [[[['data: 1', '\r\n']], [8, 1]]] },
  );
});

test('an event without end is refused instead of kept', () => {
  const parser = new EventStreamParser();
  const chunk = `data: ${'x'.repeat(1 << 20)}\n`;
  expect(() => {
    for (let count = 0; count < 5; count += 1) parser.push(chunk);
  }).toThrow(/NORTHBOUND_FAILED|without end/);
  const other = new EventStreamParser();
  expect(() => {
    for (let count = 0; count < 5; count += 1) other.push('x'.repeat(1 << 20));
  }).toThrow(/without end/);
});
