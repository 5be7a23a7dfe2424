import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type AppliedPort,
  applyPort,
  type ClassStatistics,
  type PortPlan,
  planBaselinePort,
  planPort,
  probeKernel,
  STRATEGIES,
} from '../../../src/kernel-qos/index.ts';
import { caseStudy, EF, LE, platformOf, portOf } from '../../unit/kernel-qos/fixture.ts';
import { prepareCounting, type Share, saturate } from './saturation.ts';
import { ADDRESS, openTwoNodes, sendDatagrams, type TwoNodes } from './two-nodes.ts';

const RATE_BPS = 20_000_000;
const port = portOf(RATE_BPS, 'a0');
const tosOf = (dscp: number): number => dscp << 2;

let nodes: TwoNodes;
let applied: AppliedPort | undefined;

beforeAll(async () => {
  nodes = await openTwoNodes();
  await prepareCounting(nodes);
});
afterEach(async () => {
  await applied?.undo();
  applied = undefined;
});
afterAll(() => nodes.close());

async function stand(plan: PortPlan): Promise<AppliedPort> {
  applied = await applyPort(nodes.a.exec, plan);
  await applied.verify();
  return applied;
}

async function countersOf(standing: AppliedPort): Promise<Record<string, ClassStatistics>> {
  const rows = await standing.statistics();
  return Object.fromEntries(rows.map((row) => [row.className, row]));
}

/** What a saturating flow of each of these marks gets while all of them send. */
const share = (to: string, ...dscps: readonly number[]): Promise<Share> =>
  saturate(nodes, to, dscps.map(tosOf));

describe.each(['htb-u32', 'htb-nft'])('%s', (strategy) => {
  const platform = async (): Promise<ReturnType<typeof platformOf>> => {
    const probe = await probeKernel(nodes.a.exec);
    return platformOf(probe.qdiscs, probe.filters);
  };
  const plan = async (): Promise<PortPlan> => planPort(caseStudy, await platform(), port, { strategy });

  test.each([
    ['IPv4', ADDRESS.b],
    ['IPv6', ADDRESS.b6],
  ])(
    'over %s the important class gets the link from a saturating one, which gets it all when alone',
    async (_, to) => {
      await stand(await plan());
      const alone = await share(to, LE);
      const both = await share(to, EF, LE);
      const [important = 0, other = 0] = both.bytes;
      expect(important).toBeGreaterThan(0.9 * (important + other));
      expect(other).toBeGreaterThan(0.03 * (important + other));
      expect(alone.bps / both.bps).toBeGreaterThan(0.85);
      expect(alone.bps / both.bps).toBeLessThan(1.15);
    },
  );

  test('packets are counted in their class, IPv4 and IPv6, whatever their ECN bits', async () => {
    const standing = await stand(await plan());
    await sendDatagrams(nodes.a, ADDRESS.b, 7, { tos: tosOf(EF) });
    await sendDatagrams(nodes.a, ADDRESS.b6, 5, { tos: tosOf(EF) | 1 });
    await sendDatagrams(nodes.a, ADDRESS.b, 3, { tos: tosOf(LE) });
    await sendDatagrams(nodes.a, ADDRESS.b6, 2, { tos: tosOf(LE) });
    const counters = await countersOf(standing);
    expect(counters['interactive']?.packets).toBe(12);
    expect(counters['interactive']?.bytes).toBe(7 * (14 + 20 + 8 + 100) + 5 * (14 + 40 + 8 + 100));
    expect(counters['batch']?.packets).toBe(5);
  });

  test('what has no mark of the policy passes, and is counted apart', async () => {
    const standing = await stand(await plan());
    await sendDatagrams(nodes.a, ADDRESS.b, 4, { tos: 0 });
    await sendDatagrams(nodes.a, ADDRESS.b, 4, { tos: tosOf(34) });
    const counters = await countersOf(standing);
    expect(counters['unmarked']?.packets).toBeGreaterThanOrEqual(8);
    expect(counters['interactive']?.packets).toBe(0);
    expect(counters['batch']?.packets).toBe(0);
  });
});

test('with the baseline, marks change nothing: two saturating flows share alike', async () => {
  const standing = await stand(planBaselinePort({ ...port, queuePackets: 40 }));
  const both = await share(ADDRESS.b, EF, LE);
  const [important = 0, other = 0] = both.bytes;
  expect(important / (important + other)).toBeGreaterThan(0.35);
  expect(important / (important + other)).toBeLessThan(0.65);
  const [all] = await standing.statistics();
  expect(all?.className).toBe('all');
  expect(all?.drops).toBeGreaterThan(0);
  expect(all?.overlimits).toBeGreaterThan(0);
});

test('the baseline and the class tree shape to the same rate', async () => {
  await stand(planBaselinePort(port));
  const one = await share(ADDRESS.b, LE);
  await applied?.undo();
  await stand(planPort(caseStudy, platformOf(['htb', 'pfifo'], ['u32']), port));
  const tree = await share(ADDRESS.b, LE);
  expect(tree.bps / one.bps).toBeGreaterThan(0.97);
  expect(tree.bps / one.bps).toBeLessThan(1.03);
});

test('every strategy that this kernel can serve stands as it was planned', async () => {
  const probe = await probeKernel(nodes.a.exec);
  const platform = platformOf(probe.qdiscs, probe.filters);
  const possible = STRATEGIES.filter((strategy) => strategy.missing(platform).length === 0);
  expect(possible.length).toBeGreaterThan(0);
  for (const { name } of possible) {
    await stand(planPort(caseStudy, platform, port, { strategy: name }));
    await applied?.undo();
  }
});
