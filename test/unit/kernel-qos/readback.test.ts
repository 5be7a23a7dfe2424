import { describe, expect, test } from 'vitest';
import { planPort } from '../../../src/kernel-qos/index.ts';
import { parseNftRules } from '../../../src/kernel-qos/nft.ts';
import { parseClassText } from '../../../src/kernel-qos/tc-class-text.ts';
import { parseReadback } from '../../../src/kernel-qos/tc-readback.ts';
import { compareNftRules, compareReadback } from '../../../src/kernel-qos/verify.ts';
import { caseStudy, plainKernel, platformOf, portOf } from './fixture.ts';

const CLASS_TEXT = `class htb 1:10 parent 1:1 leaf 10: prio 0 quantum 2352 rate 18810Kbit ceil 20Mbit linklayer ethernet burst 3009b/1 mpu 0b cburst 3027b/1 mpu 0b level 0
 Sent 90 bytes 1 pkt (dropped 0, overlimits 17 requeues 0)
 backlog 0b 0p requeues 0
 lended: 1 borrowed: 0 giants: 0
 tokens: 40406 ctokens: 38390

class htb 1:1 root rate 20Mbit ceil 9405Mbit linklayer ethernet burst 3027b/1 mpu 0b cburst 3027b/1 mpu 0b level 7
 Sent 90 bytes 1 pkt (dropped 0, overlimits 3 requeues 0)
`;

/** As tc of iproute2 6.3 and later prints classes: rates in octets per second. */
const CLASS_JSON = [
  {
    class: 'htb',
    handle: '1:10',
    parent: '1:1',
    leaf: '0x10',
    prio: 0,
    quantum: 2352,
    rate: 2351250,
    ceil: 2500000,
    stats: { bytes: 90, packets: 1, drops: 0, overlimits: 17, requeues: 0 },
  },
  { class: 'htb', handle: '1:1', root: true, rate: 2500000, ceil: 1175625000, stats: { overlimits: 3 } },
];

describe('classes', () => {
  test('text of older tc and JSON of newer tc say the same', () => {
    const fromText = parseReadback(`[]\n${CLASS_TEXT}\n[]\n`).classes;
    expect(fromText).toEqual(parseReadback(`[]\n${JSON.stringify(CLASS_JSON)}\n[]\n`).classes);
    expect(fromText[0]).toEqual({
      kind: 'htb',
      classid: '1:10',
      parent: '1:1',
      rateBps: 18_810_000,
      ceilBps: 20_000_000,
      prio: 0,
      quantumBytes: 2352,
      overlimits: 17,
    });
  });

  test('a rate of an unknown form is an error, not a zero', () => {
    expect(() => parseClassText('class htb 1:1 root rate fast ceil 1Mbit')).toThrow(
      /rate that cannot be read/,
    );
  });
});

describe('output that is not tc or nft', () => {
  test.each([
    'RTNETLINK answers: nonsense',
    '[{"kind": 7, "handle": "1:"}]',
    '[{"kind":"htb","handle":"1:"}]',
    '[',
    '[{"kind":"u32","protocol":"ip","options":{"flowid":"1:1"}}]',
  ])('%s is refused', (output) => {
    expect(() => parseReadback(output)).toThrow(expect.objectContaining({ code: 'COMMAND_FAILED' }));
  });

  test('nft', () => {
    expect(() => parseNftRules('no JSON')).toThrow(/not JSON/);
    expect(() => parseNftRules('{}')).toThrow(/no list/);
  });
});

describe('comparison', () => {
  const plan = planPort(caseStudy, plainKernel, portOf(20_000_000));
  const filter = (pref: number, protocol: string, value: string, mask: string, flowid: string) => ({
    parent: '1:',
    protocol,
    pref,
    kind: 'u32',
    options: { flowid, match: { value, mask, offmask: '', off: 0 } },
  });
  const qdiscs = [
    { kind: 'htb', handle: '1:', root: true, options: { default: '0x12' } },
    ...['10', '11', '12'].map((id) => ({
      kind: 'pfifo',
      handle: `${id}:`,
      parent: `1:${id}`,
      options: { limit: 100 },
    })),
  ];
  const classes = [
    { class: 'htb', handle: '1:1', root: true, rate: 2.5e6, ceil: 2.5e6 },
    { class: 'htb', handle: '1:10', parent: '1:1', prio: 0, quantum: 2352, rate: 2351250, ceil: 2.5e6 },
    { class: 'htb', handle: '1:11', parent: '1:1', prio: 1, quantum: 1514, rate: 123750, ceil: 2.5e6 },
    { class: 'htb', handle: '1:12', parent: '1:1', prio: 1, quantum: 1514, rate: 25000, ceil: 2.5e6 },
  ];
  const filters = [
    filter(10, 'ip', 'b80000', 'fc0000', '1:10'),
    filter(11, 'ipv6', 'b800000', 'fc00000', '1:10'),
    filter(12, 'ip', '40000', 'fc0000', '1:11'),
    filter(13, 'ipv6', '400000', 'fc00000', '1:11'),
  ];
  const compare = (...lists: readonly (readonly object[])[]): string[] =>
    compareReadback(plan, parseReadback(lists.map((list) => JSON.stringify(list)).join('\n')));

  test('what was planned is accepted, beside a qdisc of the way in', () => {
    const ingress = { kind: 'ingress', handle: 'ffff:', parent: 'ffff:fff1', options: {} };
    expect(compare([...qdiscs, ingress], classes, filters)).toEqual([]);
  });

  test('each difference is named', () => {
    const slower = classes.map((each) => (each.handle === '1:11' ? { ...each, rate: 1 } : each));
    expect(compare(qdiscs, slower, filters)).toEqual(['class 1:11 of eth0: rate is 8 bit/s, planned 990000']);
    expect(compare(qdiscs, classes, filters.slice(1))).toEqual(['filter 10 (ip) of eth0 is missing']);
    const other = filter(10, 'ip', '880000', 'fc0000', '1:10');
    expect(compare(qdiscs, classes, [other, ...filters.slice(1)])).toEqual([
      expect.stringContaining('does not compare DSCP 46'),
    ]);
    const elsewhere = filter(10, 'ip', 'b80000', 'fc0000', '1:11');
    expect(compare(qdiscs, classes, [elsewhere, ...filters.slice(1)])).toEqual([
      'filter 10 (ip) of eth0 leads to 1:11, planned 1:10',
    ]);
    expect(compare(qdiscs.slice(0, 3), classes, filters)).toEqual(['qdisc 12: of eth0 is missing']);
  });

  test.each([
    ['older', { ip_tos: '0xb8/fc' }, { ip_tos: '0x4/fc' }],
    ['newer', { ip_tos: 184, ip_tos_mask: 252 }, { ip_tos: 4, ip_tos_mask: 252 }],
  ])('flower filters, as %s tc prints them', (_, important, other) => {
    const flower = planPort(caseStudy, platformOf(['htb'], ['flower']), portOf(20_000_000));
    const printed = filters.map(({ pref, protocol, options }) => ({
      parent: '1:',
      protocol,
      pref,
      kind: 'flower',
      options: { classid: options.flowid, keys: pref < 12 ? important : other },
    }));
    const readback = parseReadback([qdiscs, classes, printed].map((list) => JSON.stringify(list)).join('\n'));
    expect(compareReadback(flower, readback)).toEqual([]);
  });

  test('nft rules are compared in order', () => {
    const { nftRules } = planPort(caseStudy, platformOf(['htb'], ['nft-egress']), portOf(20_000_000));
    const rule = (protocol: string, dscp: string | number, value: string): object => ({
      rule: {
        expr: [
          { match: { op: '==', left: { payload: { protocol, field: 'dscp' } }, right: dscp } },
          { mangle: { key: { meta: { key: 'priority' } }, value } },
        ],
      },
    });
    const listing = (...rules: readonly object[]): string => JSON.stringify({ nftables: rules });
    const right = [
      rule('ip', 'ef', '1:10'),
      rule('ip6', 'ef', '1:10'),
      rule('ip', 1, '1:11'),
      rule('ip6', 'lephb', '1:11'),
    ];
    expect(compareNftRules(nftRules, parseNftRules(listing(...right)))).toEqual([]);
    expect(compareNftRules(nftRules, parseNftRules(listing(...right.slice(1))))).not.toEqual([]);
    expect(compareNftRules(nftRules, parseNftRules(listing(...right, rule('ip', 0, '1:10'))))).toHaveLength(
      1,
    );
  });
});
