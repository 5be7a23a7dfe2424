import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineSplitter, toLabLine } from '../../../src/lab/lines.ts';

function split(chunks: readonly Buffer[], limitBytes: number): { text: string; cut: boolean }[] {
  const splitter = new LineSplitter(limitBytes);
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.end()];
}

describe('LineSplitter', () => {
  test('gives the same lines however the stream is cut into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\n'))),
        fc.array(fc.nat(20)),
        (texts, cuts) => {
          const whole = Buffer.from(texts.map((text) => `${text}\n`).join(''));
          const chunks: Buffer[] = [];
          let start = 0;
          for (const cut of cuts) {
            chunks.push(whole.subarray(start, start + cut));
            start += cut;
          }
          chunks.push(whole.subarray(start));
          expect(split(chunks, 1_000_000)).toEqual(texts.map((text) => ({ text, cut: false })));
        },
      ),
    );
  });

  test('keeps the beginning of a line that is too long, and the next line whole', () => {
    const chunks = ['abc', 'def', 'gh\nnext\n'].map((text) => Buffer.from(text));
    expect(split(chunks, 4)).toEqual([
      { text: 'abcd', cut: true },
      { text: 'next', cut: false },
    ]);
  });

  test('gives what stands after the last line break at the end', () => {
    expect(split([Buffer.from('a\nb')], 10)).toEqual([
      { text: 'a', cut: false },
      { text: 'b', cut: false },
    ]);
    expect(split([Buffer.from('a\n')], 10)).toEqual([{ text: 'a', cut: false }]);
  });
});

describe('toLabLine', () => {
  test.each([
    ['{"event":"ready"}', { event: 'ready' }],
    ['plain words', { text: 'plain words' }],
    ['[1,2]', { text: '[1,2]' }],
    ['null', { text: 'null' }],
    ['', { text: '' }],
  ])('%s', (text, line) => {
    expect(toLabLine({ text, cut: false })).toEqual(line);
  });

  test('a line that was cut is text even where it could be read as JSON', () => {
    expect(toLabLine({ text: '{}', cut: true })).toEqual({ text: '{}', truncated: true });
  });
});
