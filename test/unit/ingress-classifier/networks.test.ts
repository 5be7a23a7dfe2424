import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileNetworks } from '../../../src/ingress-classifier/index.ts';
import { AddressParser } from '../../../src/ingress-classifier/networks.ts';

const mutated = fc
  .tuple(
    fc.oneof(fc.ipV4(), fc.ipV6()),
    fc.nat(45),
    fc.constantFrom('', ':', '.', '0', 'g', '::', '255', '/'),
    fc.nat(2),
  )
  .map(([address, at, inserted, removed]) => address.slice(0, at) + inserted + address.slice(at + removed));

describe('addresses (RFC 4291 section 2.2)', () => {
  test('exactly those are taken that node:net takes', () => {
    const parser = new AddressParser();
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), mutated), (text) => {
        expect(parser.parse(text) !== 0).toBe(isIP(text) !== 0);
      }),
      { numRuns: 5000 },
    );
  });

  test.each([
    ['1.2.3.4', 4],
    ['::ffff:1.2.3.4', 4],
    ['::1.2.3.4', 6],
    ['1:2:3:4:5:6:1.2.3.4', 6],
    ['1:2:3:4:5:6:7::', 6],
    ['::', 6],
    ['01.2.3.4', 0],
    ['1.2.3', 0],
    ['1.2.3.4.5', 0],
    ['1::2::3', 0],
    ['1:2:3:4:5:6:7:8:9', 0],
    ['12345::', 0],
    [':1', 0],
    ['1:', 0],
    ['', 0],
  ])('%s is of family %i', (text, family) => {
    expect(new AddressParser().parse(text)).toBe(family);
  });
});

describe('a set of networks', () => {
  test('holds what one of its blocks holds', () => {
    const trusted = compileNetworks(['10.0.0.0/8', '2001:db8::/32', '127.0.0.1']);
    expect(trusted.has('10.9.8.7')).toBe(true);
    expect(trusted.has('::ffff:10.9.8.7')).toBe(true);
    expect(trusted.has('2001:db8:ffff::')).toBe(true);
    expect(trusted.has('127.0.0.1')).toBe(true);
    expect(trusted.has('127.0.0.2')).toBe(false);
    expect(trusted.has('')).toBe(false);
    expect(compileNetworks([]).has('10.9.8.7')).toBe(false);
  });
});
