import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Policy } from '../../../src/core/index.ts';
import {
  kernelLayer,
  type PortPlan,
  planBaselinePort,
  planPort,
  STRATEGIES,
} from '../../../src/kernel-qos/index.ts';
import { caseStudy, EF, LE, plainKernel, platformOf, policyOf, portOf, requestClass } from './fixture.ts';

const commands = (plan: PortPlan): string[] => plan.steps.map((step) => step.command.join(' '));
const undos = (plan: PortPlan): string[] => plan.steps.map((step) => step.undo.join(' '));
const fullKernel = platformOf(
  ['htb', 'tbf', 'prio', 'ets', 'fq_codel', 'pfifo'],
  ['u32', 'flower', 'nft', 'nft-egress'],
);

describe('the case study at 20 Mbit/s', () => {
  test('without kernel modules: HTB, u32, FIFOs', () => {
    const plan = planPort(caseStudy, plainKernel, portOf(20_000_000));
    expect(plan.strategy).toBe('htb-u32');
    expect(plan.served).toBe(true);
    expect(commands(plan)).toEqual([
      'tc qdisc add dev eth0 root handle 1: htb default 12',
      'tc class add dev eth0 parent 1: classid 1:1 htb rate 20000000bit ceil 20000000bit prio 0 burst 3028b cburst 3028b quantum 2500',
      'tc class add dev eth0 parent 1:1 classid 1:10 htb rate 18810000bit ceil 20000000bit prio 0 burst 3028b cburst 3028b quantum 2352',
      'tc qdisc add dev eth0 parent 1:10 handle 10: pfifo limit 100',
      'tc class add dev eth0 parent 1:1 classid 1:11 htb rate 990000bit ceil 20000000bit prio 1 burst 3028b cburst 3028b quantum 1514',
      'tc qdisc add dev eth0 parent 1:11 handle 11: pfifo limit 100',
      'tc class add dev eth0 parent 1:1 classid 1:12 htb rate 200000bit ceil 20000000bit prio 1 burst 3028b cburst 3028b quantum 1514',
      'tc qdisc add dev eth0 parent 1:12 handle 12: pfifo limit 100',
      'tc filter add dev eth0 parent 1: protocol ip pref 10 u32 match ip dsfield 0xb8 0xfc flowid 1:10',
      'tc filter add dev eth0 parent 1: protocol ipv6 pref 11 u32 match ip6 priority 0xb8 0xfc flowid 1:10',
      'tc filter add dev eth0 parent 1: protocol ip pref 12 u32 match ip dsfield 0x04 0xfc flowid 1:11',
      'tc filter add dev eth0 parent 1: protocol ipv6 pref 13 u32 match ip6 priority 0x04 0xfc flowid 1:11',
    ]);
    expect(undos(plan)).toEqual([
      'tc qdisc del dev eth0 root handle 1:',
      'tc class del dev eth0 classid 1:1',
      'tc class del dev eth0 classid 1:10',
      'tc qdisc del dev eth0 parent 1:10 handle 10:',
      'tc class del dev eth0 classid 1:11',
      'tc qdisc del dev eth0 parent 1:11 handle 11:',
      'tc class del dev eth0 classid 1:12',
      'tc qdisc del dev eth0 parent 1:12 handle 12:',
      'tc filter del dev eth0 parent 1: protocol ip pref 10 u32',
      'tc filter del dev eth0 parent 1: protocol ipv6 pref 11 u32',
      'tc filter del dev eth0 parent 1: protocol ip pref 12 u32',
      'tc filter del dev eth0 parent 1: protocol ipv6 pref 13 u32',
    ]);
    expect(plan.limitations.map((each) => each.why)).toEqual(['this kernel has no fq_codel']);
    expect(plan.classes.map((each) => [each.className, each.classid, each.leafHandle])).toEqual([
      ['interactive', '1:10', '10:'],
      ['batch', '1:11', '11:'],
      ['unmarked', '1:12', '12:'],
    ]);
  });

  test('with nft in the place of filters', () => {
    const plan = planPort(caseStudy, platformOf(['htb'], ['nft-egress']), portOf(20_000_000, 's1-eth2'));
    expect(plan.strategy).toBe('htb-nft');
    const nft = plan.steps.filter((step) => step.command[0] === 'nft');
    expect(nft.map((step) => [step.command.slice(1).join(' '), step.undo.slice(1).join(' ')])).toEqual([
      ['add table netdev priomesh_s1_2d_eth2', 'delete table netdev priomesh_s1_2d_eth2'],
      [
        'add chain netdev priomesh_s1_2d_eth2 classify { type filter hook egress device s1-eth2 priority 0 ; }',
        'delete chain netdev priomesh_s1_2d_eth2 classify',
      ],
      ...[
        ['ip dscp 0x2e', '1:10'],
        ['ip6 dscp 0x2e', '1:10'],
        ['ip dscp 0x1', '1:11'],
        ['ip6 dscp 0x1', '1:11'],
      ].map(([match, classid]) => [
        `add rule netdev priomesh_s1_2d_eth2 classify ${match} meta priority set ${classid}`,
        'flush chain netdev priomesh_s1_2d_eth2 classify',
      ]),
    ]);
  });

  test('in an experiment with the same plain queues as the baseline, whatever the kernel has', () => {
    const port = portOf(1_000_000);
    const leaves = (plan: PortPlan): string[] =>
      plan.objects.flatMap((one) => (one.type === 'qdisc' && one.parent !== 'root' ? [one.spec.kind] : []));
    const site = { ports: [port], sidecarNodes: [], baselineCongestionControl: 'cubic' };
    const layer = kernelLayer.plan(caseStudy, fullKernel, site);
    expect(new Set(layer.ports.flatMap(leaves))).toEqual(new Set(leaves(planBaselinePort(port))));
    expect(layer.limitations).toEqual([]);
  });

  test('with fq_codel in the leaves where the kernel has it', () => {
    const plan = planPort(caseStudy, fullKernel, portOf(1_000_000));
    expect(commands(plan)).toContain(
      'tc qdisc add dev eth0 parent 1:10 handle 10: fq_codel limit 100 target 18168us interval 181680us quantum 1514 noecn',
    );
    expect(plan.limitations).toEqual([]);
  });

  test('bands with flower where there is no HTB', () => {
    const plan = planPort(caseStudy, platformOf(['tbf', 'ets', 'prio'], ['flower']), portOf(20_000_000));
    expect(plan.strategy).toBe('tbf-ets-flower');
    expect(commands(plan).slice(0, 3)).toEqual([
      'tc qdisc add dev eth0 root handle 1: tbf rate 20000000bit burst 3028b limit 151400b',
      'tc qdisc add dev eth0 parent 1:1 handle 2: ets bands 3 quanta 142392 7495 1514 priomap 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2',
      'tc qdisc add dev eth0 parent 2:1 handle 10: pfifo limit 100',
    ]);
    expect(commands(plan)).toContain(
      'tc filter add dev eth0 parent 2: protocol ipv6 pref 11 flower ip_tos 0xb8/0xfc classid 2:1',
    );
    const strict = planPort(caseStudy, platformOf(['tbf', 'prio'], ['flower']), portOf(20_000_000));
    expect(strict.strategy).toBe('tbf-prio-flower');
    expect(commands(strict)[1]).toContain('prio bands 3 priomap');
    expect(strict.limitations.map((each) => each.what)).toContain(
      'a guaranteed share for the less important classes',
    );
  });

  test('the baseline has the same shaper and queue, and one class', () => {
    expect(commands(planBaselinePort(portOf(20_000_000)))).toEqual([
      'tc qdisc add dev eth0 root handle 1: htb default 10',
      'tc class add dev eth0 parent 1: classid 1:1 htb rate 20000000bit ceil 20000000bit prio 0 burst 3028b cburst 3028b quantum 2500',
      'tc class add dev eth0 parent 1:1 classid 1:10 htb rate 20000000bit ceil 20000000bit prio 0 burst 3028b cburst 3028b quantum 2500',
      'tc qdisc add dev eth0 parent 1:10 handle 10: pfifo limit 100',
    ]);
  });
});

describe('marks by which a class takes other network paths', () => {
  const [interactive, batch] = caseStudy.classes;
  const moving = policyOf(
    ...[interactive, batch].flatMap((one, index) =>
      one === undefined ? [] : [{ ...one, network: { ...one.network, alternateDscp: [3 + 4 * index, 47] } }],
    ),
  );

  test('u32: sorted like the own mark, behind all own marks', () => {
    const filters = commands(planPort(moving, plainKernel, portOf(20_000_000))).filter((one) =>
      one.startsWith('tc filter'),
    );
    const before = commands(planPort(caseStudy, plainKernel, portOf(20_000_000)));
    expect(filters.slice(0, 4)).toEqual(before.filter((one) => one.startsWith('tc filter')));
    expect(filters.slice(4, 8)).toEqual([
      'tc filter add dev eth0 parent 1: protocol ip pref 14 u32 match ip dsfield 0x0c 0xfc flowid 1:10',
      'tc filter add dev eth0 parent 1: protocol ipv6 pref 15 u32 match ip6 priority 0x0c 0xfc flowid 1:10',
      'tc filter add dev eth0 parent 1: protocol ip pref 16 u32 match ip dsfield 0xbc 0xfc flowid 1:10',
      'tc filter add dev eth0 parent 1: protocol ipv6 pref 17 u32 match ip6 priority 0xbc 0xfc flowid 1:10',
    ]);
    expect(filters[8]).toContain('dsfield 0x1c 0xfc flowid 1:11');
  });

  test('nft, flower in HTB and flower in bands', () => {
    const sorted = (qdiscs: readonly string[], filters: readonly string[]) =>
      commands(planPort(moving, platformOf(qdiscs, filters), portOf(20_000_000)));
    expect(sorted(['htb'], ['nft-egress']).filter((one) => one.includes('dscp 0x7 '))).toEqual([
      expect.stringContaining('ip dscp 0x7 meta priority set 1:11'),
      expect.stringContaining('ip6 dscp 0x7 meta priority set 1:11'),
    ]);
    for (const [qdiscs, classid] of [
      [['htb'], '1:11'],
      [['tbf', 'ets'], '2:2'],
    ] as const) {
      const rules = sorted(qdiscs, ['flower']).filter((one) => one.includes('ip_tos 0x1c/0xfc'));
      expect(rules.map((one) => one.endsWith(`classid ${classid}`))).toEqual([true, true]);
    }
  });
});

describe('choosing a strategy', () => {
  test('the best available one is taken, and another can be demanded', () => {
    expect(planPort(caseStudy, fullKernel, portOf(1e6)).strategy).toBe('htb-u32');
    for (const { name } of STRATEGIES) {
      expect(planPort(caseStudy, fullKernel, portOf(1e6), { strategy: name }).strategy).toBe(name);
    }
  });

  test('what cannot be served is refused by name when it is demanded', () => {
    const demand = (strategy: string) => () => planPort(caseStudy, plainKernel, portOf(1e6), { strategy });
    expect(demand('htb-flower')).toThrow(/filter flower/);
    expect(demand('cake')).toThrow(
      expect.objectContaining({ code: 'USAGE', fix: expect.stringContaining('htb-u32, htb-flower') }),
    );
  });

  test('nothing is planned, and said so, where nothing can be done', () => {
    const without = planPort(caseStudy, platformOf(['pfifo'], []), portOf(1e6));
    expect(without).toMatchObject({ served: false, strategy: 'none', steps: [] });
    expect(without.limitations[0]?.why).toContain('htb-u32: qdisc htb, filter u32');
    const forbidden = planPort(caseStudy, { ...plainKernel, trafficControl: false }, portOf(1e6));
    expect(forbidden).toMatchObject({ served: false, steps: [] });
    expect(forbidden.limitations[0]?.why).toContain('may not change');
  });
});

describe('limits of the column', () => {
  test('classes that share a mark are told apart by nobody, and the plan says so', () => {
    const policy = policyOf(requestClass('first', 0, EF, 50), requestClass('second', 1, EF, 40));
    const plan = planPort(policy, plainKernel, portOf(20e6));
    expect(plan.limitations.map((each) => each.what)).toContain('class second told apart at the port');
    expect(commands(plan).filter((each) => each.startsWith('tc filter'))).toHaveLength(2);
  });

  test('a class that may not borrow has its share as its ceiling', () => {
    const policy = policyOf(requestClass('first', 0, EF, 50, false), requestClass('second', 1, LE, 40));
    const [first, second] = planPort(policy, plainKernel, portOf(20e6)).classes;
    expect(first).toMatchObject({ guaranteedBps: 10e6, ceilingBps: 10e6 });
    expect(second).toMatchObject({ guaranteedBps: 8e6, ceilingBps: 20e6 });
  });

  test('names that mean something else at a port are refused', () => {
    const policy = policyOf(requestClass('unmarked', 0, EF, 50));
    expect(() => planPort(policy, plainKernel, portOf(1e6))).toThrow(
      expect.objectContaining({ code: 'CONFIG_CONFLICT' }),
    );
  });

  test('more classes than bands: the least important are treated as unmarked', () => {
    const many = policyOf(
      ...Array.from({ length: 20 }, (_, rank) => requestClass(`c${rank}`, rank, rank, 5)),
    );
    const plan = planPort(many, platformOf(['tbf', 'prio'], ['flower']), portOf(1e9));
    expect(plan.classes.map((each) => each.className)).toEqual([
      ...Array.from({ length: 15 }, (_, rank) => `c${rank}`),
      'unmarked',
    ]);
    expect(plan.limitations.map((each) => each.what)).toContain('a band for class c19');
  });
});

/** Policies of 1 to 12 classes whose shares add up to 100 at most. */
const policies: fc.Arbitrary<Policy> = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 1, max: 100 }), fc.boolean()), {
    minLength: 1,
    maxLength: 12,
    selector: ([dscp]) => dscp,
  })
  .map((rows) => {
    const total = Math.max(
      100,
      rows.reduce((sum, [, weight]) => sum + weight, 0),
    );
    const classes = rows.map(([dscp, weight, mayBorrow], rank) =>
      requestClass(`c${rank}`, rank, dscp, (100 * weight) / total, mayBorrow),
    );
    return policyOf(...classes);
  });
const rates = fc.integer({ min: 1_000_000, max: 10_000_000_000 });
const SHELL_META = /[$`|&<>"'\\*?\n!~#()]/;

describe('any policy at any rate', () => {
  test.each(STRATEGIES.map((each) => each.name))('%s', (strategy) => {
    fc.assert(
      fc.property(policies, rates, (policy, rateBps) => {
        const plan = planPort(policy, fullKernel, portOf(rateBps), { strategy });
        const handles = plan.objects.flatMap((each) => (each.type === 'qdisc' ? [each.handle] : []));
        const classids = plan.objects.flatMap((each) => (each.type === 'class' ? [each.classid] : []));
        const prefs = plan.objects.flatMap((each) => (each.type === 'filter' ? [each.pref] : []));
        for (const list of [handles, classids, prefs.map(String)]) {
          expect(new Set(list).size).toBe(list.length);
        }
        expect(plan.classes.map((each) => each.className)).toEqual([
          ...policy.classes.map((each) => each.name),
          'unmarked',
        ]);
        let guaranteedBps = 0;
        for (const object of plan.objects) {
          if (object.type !== 'class') continue;
          expect(object.rateBps).toBeLessThanOrEqual(object.ceilBps);
          expect(object.ceilBps).toBeLessThanOrEqual(rateBps);
          expect(object.prio).toBeLessThanOrEqual(7);
          expect(object.quantumBytes).toBeGreaterThanOrEqual(1514);
          expect(object.quantumBytes).toBeLessThanOrEqual(60_000);
          expect(object.burstBytes).toBeGreaterThanOrEqual(3028);
          if (object.parent === '1:1') guaranteedBps += object.rateBps;
        }
        expect(guaranteedBps).toBeLessThanOrEqual(rateBps);
        for (const { command, undo } of plan.steps) {
          for (const argument of [...command, ...undo]) {
            expect(argument).not.toMatch(SHELL_META);
            if (/[;{}]/.test(argument)) expect(['{', '}', ';']).toContain(argument);
            expect(argument).not.toBe('');
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
