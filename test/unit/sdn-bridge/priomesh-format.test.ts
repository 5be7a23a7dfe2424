import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PriomeshError } from '../../../src/core/index.ts';
import { parseJson } from '../../../src/sdn-bridge/northbound/json.ts';
import {
  readRoutes,
  readStatistics,
  readTopology,
} from '../../../src/sdn-bridge/northbound/priomesh-format.ts';

const TOPOLOGY = {
  epoch: 1_700_000_000_000,
  switches: [
    { name: 's1', dpid: '1', connected: true },
    { name: 's2', dpid: '2', connected: false },
  ],
  links: [
    { id: 's1>s2', from: 's1', to: 's2', port: 3, device: 's1-eth3', rateBps: 20_000_000, up: true },
    { id: 's2>s1', from: 's2', to: 's1', port: 1, device: '', rateBps: null, up: false },
  ],
  hosts: [{ name: 'left1', addresses: ['10.0.0.1', 'fd00::1'], switch: 's1' }],
  paths: [{ id: 'primary', default: true, between: ['s1', 's2'], forward: ['s1>s2'], backward: ['s2>s1'] }],
};
const STATISTICS = {
  epoch: 1,
  sequence: 4,
  timeMs: 12.5,
  links: [{ id: 's1>s2', txBytes: 1, txPackets: 2, txDropped: 3, marks: { 46: { bytes: 5, packets: 6 } } }],
};
const ROUTES = { spread: 'default', marks: { 47: 'secondary' } };

test('what the controller tells is read', () => {
  expect(readTopology(TOPOLOGY)).toEqual(TOPOLOGY);
  expect(readStatistics(STATISTICS).links[0]?.marks.get(46)).toEqual({ bytes: 5, packets: 6 });
  expect(readRoutes(ROUTES).marks).toEqual(new Map([[47, 'secondary']]));
});

describe('what it should not tell is refused', () => {
  test.each([
    ['a path over nothing', { ...TOPOLOGY, links: [] }],
    ['a link twice', { ...TOPOLOGY, links: [...TOPOLOGY.links, ...TOPOLOGY.links] }],
    ['a list of hosts without end', { ...TOPOLOGY, hosts: Array(5000).fill(TOPOLOGY.hosts[0]) }],
    ['no epoch', { ...TOPOLOGY, epoch: '1' }],
    ['nothing', null],
  ])('%s', (_, value) => {
    expect(() => readTopology(value)).toThrow(PriomeshError);
  });

  test.each([
    ['a mark beyond 63', { ...ROUTES, marks: { 64: 'secondary' } }],
    ['a mark in other words', { ...ROUTES, marks: { '047': 'secondary' } }],
    ['a path with control characters', { ...ROUTES, marks: { 47: 'a\u001b[2J' } }],
  ])('%s', (_, value) => {
    expect(() => readRoutes(value)).toThrow(PriomeshError);
  });

  test('any other JSON', () => {
    const readers = [readTopology, readStatistics, readRoutes];
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...readers), (value, read) => {
        try {
          read(value);
        } catch (error) {
          expect(error).toBeInstanceOf(PriomeshError);
        }
      }),
    );
    expect(() => parseJson('{')).toThrow(/not JSON/);
  });

  test('any member in place of another', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(STATISTICS.links[0] ?? {})),
        fc.jsonValue(),
        (key, value) => {
          const broken = { ...STATISTICS, links: [{ ...STATISTICS.links[0], [key]: value }] };
          try {
            for (const one of readStatistics(broken).links) {
              expect(Number.isFinite(one.txBytes) && one.txBytes >= 0).toBe(true);
            }
          } catch (error) {
            expect(error).toBeInstanceOf(PriomeshError);
          }
        },
      ),
    );
  });
});
