import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CONTROL_LIMITS,
  readHints,
  readPaths,
  readTopology,
  writeHint,
  writePaths,
  writeTopology,
} from '../../../src/control-protocol/index.ts';
import type { Hint } from '../../../src/core/index.ts';
import { dualPath, hintAbout } from '../control-plane/support.ts';

const ratio = fc.double({ min: 0, max: 1, noNaN: true });
const congestion = fc.record({
  level: ratio,
  queueingDelayMs: fc.double({ min: 0, max: 10_000, noNaN: true }),
  utilization: ratio,
  lossRatio: ratio,
});
const base = fc.record({
  link: fc.constantFrom('s1>s2', 'of:0000000000000001>of:0000000000000002'),
  epoch: fc.maxSafeNat(),
  sequence: fc.maxSafeNat(),
  ttlMs: fc.double({ min: 0.1, max: CONTROL_LIMITS.ttlMs, noNaN: true }),
  down: fc.boolean(),
  classes: fc.dictionary(fc.constantFrom('batch', 'interactive', 'constructor'), congestion),
});
/** The share of all traffic: absent where it is not known. */
const total = fc.option(fc.double({ min: Number.EPSILON, max: 1, noNaN: true }), { nil: undefined });
const hint: fc.Arbitrary<Hint> = fc
  .tuple(base, total)
  .map(([one, utilization]) => (utilization === undefined ? one : { ...one, utilization }));
const broken = fc.oneof(
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0.001, 1.001, 1e300),
  fc.double({ max: -Number.MIN_VALUE, noNaN: true }),
);

const readOne = (wire: ReturnType<typeof writeHint>) => readHints({ hints: [wire] });
const wire = (more: object) => ({ ...writeHint(hintAbout('s1>s2', 1), 500), ...more });

describe('a hint from a peer', () => {
  it('is what was written', () => {
    fc.assert(
      fc.property(hint, (one) => {
        const [read] = readOne(writeHint(one, one.ttlMs)).values;
        expect({ ...read, classes: { ...read?.classes } }).toEqual({ ...one, classes: { ...one.classes } });
      }),
    );
  });

  it('is dropped whole when one number of it is not finite or out of range', () => {
    const part = fc.constantFrom('level', 'utilization', 'lossRatio');
    fc.assert(
      fc.property(part, broken, (name, value) => {
        const batch = { name: 'batch', level: 0, queueingDelayMs: 0, utilization: 0, lossRatio: 0 };
        const sound = { ...batch, name: 'interactive' };
        expect(readOne(wire({ classes: [sound, { ...batch, [name]: value }] }))).toEqual({
          values: [],
          dropped: 1,
        });
      }),
    );
    for (const queueingDelayMs of [Number.NaN, -1, CONTROL_LIMITS.queueingDelayMs + 1]) {
      const one = { name: 'batch', level: 0, queueingDelayMs, utilization: 0, lossRatio: 0 };
      expect(readOne(wire({ classes: [one] })).dropped).toBe(1);
    }
  });

  it('is dropped when it holds for no time or too long, counts without counting, or names no link', () => {
    const one = { name: 'batch', level: 0, queueingDelayMs: 0, utilization: 0, lossRatio: 0 };
    const cases = [
      { ttlMs: 0 },
      { ttlMs: -1 },
      { ttlMs: Number.NaN },
      { ttlMs: CONTROL_LIMITS.ttlMs + 1 },
      { epoch: 2 ** 53 },
      { sequence: -1 },
      { sequence: 0.5 },
      { utilization: 1.01 },
      { utilization: Number.NaN },
      { link: 's1' },
      { link: 's1>s2>s3' },
      { link: 's1>s2\n' },
      { link: `${'x'.repeat(65)}>s2` },
      { classes: [one, one] },
      { classes: [{ ...one, name: '__proto__' }] },
      { classes: Array.from({ length: CONTROL_LIMITS.classes + 1 }, (_, n) => ({ ...one, name: `c${n}` })) },
    ];
    for (const more of cases) expect([more, readOne(wire(more)).dropped]).toEqual([more, 1]);
    expect(readOne(wire({})).dropped).toBe(0);
  });

  it('is one of a bounded number in a message', () => {
    const hints = Array.from({ length: CONTROL_LIMITS.links + 7 }, (_, sequence) => wire({ sequence }));
    const { values, dropped } = readHints({ hints });
    expect([values.length, dropped]).toEqual([CONTROL_LIMITS.links, 7]);
  });
});

describe('a table of paths', () => {
  const primary = { id: 'primary', links: ['s1>s2', 's2>s1'] };
  const secondary = { id: 'secondary', links: ['s1>s3', 's3>s1'] };

  it('is what was written', () => {
    const both = [primary, secondary];
    const table = new Map([
      ['10.0.0.2', both],
      ['fd00::2', both],
      ['10.0.0.3', [primary]],
    ]);
    expect(writePaths(table).groups).toHaveLength(2);
    expect(readPaths(writePaths(table))).toEqual(table);
  });

  it('is refused whole when a part of it is not sound', () => {
    const group = { peers: ['10.0.0.2'], paths: [primary, secondary] };
    const cases = [
      [{ ...group, peers: ['shop.example'] }],
      [{ ...group, paths: [] }],
      [{ ...group, paths: [primary, primary] }],
      [{ ...group, paths: [primary, { ...secondary, links: ['nothing'] }] }],
      [{ ...group, paths: [1, 2, 3, 4, 5].map((n) => ({ id: `p${n}`, links: [] })) }],
      [group, group],
    ];
    for (const groups of cases) expect(readPaths({ groups })).toBeUndefined();
    expect(readPaths({ groups: [group] })?.size).toBe(1);
  });
});

describe('a topology', () => {
  it('is what was written, with and without known rates', () => {
    const topology = dualPath();
    const links = topology.links.map((link, index) => (index === 0 ? { ...link, rateBps: null } : link));
    expect(readTopology(writeTopology({ ...topology, links }))).toEqual({ ...topology, links });
  });

  it('has each address in one form', () => {
    const [host, ...others] = dualPath().hosts;
    const written = ['FD00:0::1', '::ffff:10.0.0.1'];
    const topology = {
      ...dualPath(),
      hosts: [{ ...host, name: 'h1', switch: 's1', addresses: written }, ...others],
    };
    expect(readTopology(writeTopology(topology))?.hosts[0]?.addresses).toEqual(['fd00::1', '10.0.0.1']);
    const twice = { ...topology, hosts: [{ name: 'h1', switch: 's1', addresses: ['fd00::1', 'fd00:0::1'] }] };
    expect(readTopology(writeTopology(twice))).toBeUndefined();
  });

  it('is refused whole when a part of it is not sound or contradicts another', () => {
    const sound = writeTopology(dualPath());
    const [link] = sound.links;
    const [host] = sound.hosts;
    const [path] = sound.paths;
    const cases = [
      { epoch: -1 },
      { links: [{ ...link, id: 's2>s1' }] },
      { links: [...sound.links, link] },
      { links: [{ ...link, rateBps: Number.NaN }, ...sound.links.slice(1)] },
      { links: [{ ...link, device: '../../etc/passwd' }, ...sound.links.slice(1)] },
      { hosts: [{ ...host, addresses: ['10.0.0.256'] }] },
      { hosts: [host, { ...host, name: 'twin' }] },
      { paths: [{ ...path, forward: ['s8>s9'] }] },
      { paths: [{ ...path, between: ['s1'] }] },
      { switches: [{ name: 's1', dpid: 'x', connected: true }] },
      { switches: Array.from({ length: 1025 }, (_, n) => ({ name: `s${n}`, dpid: '1', connected: true })) },
    ];
    for (const more of cases) {
      const wrong = { ...sound, ...more } as typeof sound;
      expect([more, readTopology(wrong)]).toEqual([more, undefined]);
    }
    expect(readTopology(sound)).toBeDefined();
  });
});
