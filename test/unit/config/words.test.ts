import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../../src/config/nearest.ts';
import { DSCP_NAMES, dscpFromName, dscpName, dscpToTos } from '../../../src/core/index.ts';

describe('the nearest word', () => {
  it('counts edits, a swap of neighbours as one', () => {
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kernel', 'kernal')).toBe(1);
    expect(editDistance('hihg', 'high')).toBe(1);
    expect(editDistance('abc', 'abc')).toBe(0);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });

  it.each([
    ['latency_ms', ['latencyMs', 'latencyQuantile'], 'latencyMs'],
    ['sharepercent', ['sharePercent', 'mayBorrow'], 'sharePercent'],
    ['prio', ['priority', 'path'], 'priority'],
    ['wieght', ['weight', 'deadlineMs'], 'weight'],
    ['colour', ['dscp', 'rank'], undefined],
    ['x', ['y', 'long'], 'y'],
    ['anything', [], undefined],
    ['w'.repeat(10_000), ['weight'], undefined],
  ])('%s', (word, known, expected) => {
    expect(nearest(word, known)).toBe(expected);
  });
});

describe('DSCP names', () => {
  it('have the values of their specifications', () => {
    expect(dscpFromName('ef')).toBe(0b101110);
    expect(dscpFromName('LE')).toBe(0b000001);
    expect(dscpFromName('VA')).toBe(0b101100);
    expect(dscpFromName('DF')).toBe(0);
    for (let selector = 0; selector < 8; selector += 1)
      expect(dscpFromName(`CS${selector}`)).toBe(selector << 3);
    for (let group = 1; group <= 4; group += 1) {
      for (let drop = 1; drop <= 3; drop += 1) {
        expect(dscpFromName(`AF${group}${drop}`)).toBe((group << 3) | (drop << 1));
      }
    }
    expect(Object.keys(DSCP_NAMES)).toHaveLength(4 + 8 + 12);
    expect(dscpFromName('AF14')).toBeUndefined();
    expect(dscpFromName('toString')).toBeUndefined();
  });

  it('are found again from the value', () => {
    expect([46, 1, 0, 8, 34, 63].map(dscpName)).toEqual(['EF', 'LE', 'DF', 'CS1', 'AF41', '63']);
  });

  it('stand in the upper six bits of the octet', () => {
    expect(dscpToTos(46)).toBe(0xb8);
  });
});
