import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LayerContext, mustRun, type Platform, type Policy } from '../../../src/core/index.ts';
import {
  applyPort,
  kernelLayer,
  markLayer,
  planNftMarks,
  planPort,
  probeKernel,
  STRATEGIES,
  socketMarkOf,
} from '../../../src/kernel-qos/index.ts';
import { caseStudy, EF, plainKernel, portOf } from '../../unit/kernel-qos/fixture.ts';
import { ADDRESS, openTwoNodes, printed, sendDatagrams, standing, type TwoNodes } from './two-nodes.ts';

let nodes: TwoNodes;
let context: LayerContext;

beforeAll(async () => {
  nodes = await openTwoNodes();
  const { a, b } = nodes;
  context = {
    execOn: (node) => (node === 'a' ? a.exec : b.exec),
    signal: new AbortController().signal,
  };
});
afterAll(() => nodes.close());

const sidecars = { ports: [], sidecarNodes: ['a', 'b'], baselineCongestionControl: 'cubic' };
const reflection = async (): Promise<string> =>
  (await mustRun(nodes.b.exec, ['sysctl', '-n', 'net.ipv4.tcp_reflect_tos'])).stdout.trim();

const CONNECT_PY = `
import socket, sys
tos = int(sys.argv[2])
out = socket.socket()
out.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
out.connect((sys.argv[1], 5401))
print(out.recv(10).decode())
`;
const ANSWER_PY = `
import socket
listener = socket.create_server(("", 5401))
print("listening", flush=True)
listener.accept()[0].sendall(b"hello")
`;

/** One TCP connection from `a`, marked EF; resolves to the packets of class interactive that `b` sent back. */
async function markedPacketsBack(): Promise<number> {
  const plan = planPort(caseStudy, plainKernel, portOf(100_000_000, 'b0'));
  const applied = await applyPort(nodes.b.exec, plan);
  try {
    const server = nodes.b.spawn(['/usr/bin/python3', '-c', ANSWER_PY]);
    await printed(server, 'listening');
    await mustRun(nodes.a.exec, ['/usr/bin/python3', '-c', CONNECT_PY, ADDRESS.b, String(EF << 2)]);
    return (await applied.statistics())[0]?.packets ?? -1;
  } finally {
    await applied.undo();
  }
}

test('the mark layer makes the answer to a marked SYN carry its mark, and puts the setting back', async () => {
  expect(await reflection()).toBe('0');
  expect(await markedPacketsBack()).toBe(0);
  const undo = await markLayer.apply(markLayer.plan(caseStudy, plainKernel, sidecars), context);
  expect(await reflection()).toBe('1');
  expect(await markedPacketsBack()).toBeGreaterThan(0);
  await undo();
  await undo();
  expect(await reflection()).toBe('0');
});

test('the undo of the mark layer puts back what stood there, not a constant', async () => {
  await mustRun(nodes.b.exec, ['sysctl', '-w', 'net.ipv4.tcp_reflect_tos=1']);
  const undo = await markLayer.apply(markLayer.plan(caseStudy, plainKernel, sidecars), context);
  await undo();
  expect(await reflection()).toBe('1');
  await mustRun(nodes.b.exec, ['sysctl', '-w', 'net.ipv4.tcp_reflect_tos=0']);
});

test('nft gives the packets of marked sockets the DSCP of their class, IPv4 and IPv6', async () => {
  const marks = planNftMarks(caseStudy, 'a');
  const applied = await applyPort(nodes.a.exec, planPort(caseStudy, plainKernel, portOf(100_000_000, 'a0')));
  for (const step of marks.steps) await mustRun(nodes.a.exec, step.command);
  await sendDatagrams(nodes.a, ADDRESS.b, 6, { mark: socketMarkOf(0) });
  await sendDatagrams(nodes.a, ADDRESS.b6, 5, { mark: socketMarkOf(1) });
  const [interactive, batch] = await applied.statistics();
  expect([interactive?.packets, batch?.packets]).toEqual([6, 5]);
  for (const step of marks.steps.toReversed()) await mustRun(nodes.a.exec, step.undo);
  expect((await mustRun(nodes.a.exec, ['nft', 'list', 'ruleset'])).stdout.trim()).toBe('');
  await applied.undo();
});

test('packets on other network paths wait in the queue of their class, with every strategy that this kernel can serve', async () => {
  const moving: Policy = {
    ...caseStudy,
    classes: caseStudy.classes.map((one, index) => ({
      ...one,
      network: { ...one.network, alternateDscp: [[3, 11], [7]][index] ?? [] },
    })),
  };
  const platform = { ...plainKernel, ...(await probeKernel(nodes.a.exec)) };
  const possible = STRATEGIES.filter((one) => one.missing(platform).length === 0);
  expect(possible.map(({ name }) => name)).toContain('htb-u32');
  for (const { name } of possible) {
    const plan = planPort(moving, platform, portOf(100_000_000, 'a0'), { strategy: name });
    const applied = await applyPort(nodes.a.exec, plan);
    try {
      await applied.verify();
      await sendDatagrams(nodes.a, ADDRESS.b, 3, { tos: 3 << 2 });
      await sendDatagrams(nodes.a, ADDRESS.b6, 4, { tos: 11 << 2 });
      await sendDatagrams(nodes.a, ADDRESS.b, 5, { tos: EF << 2 });
      await sendDatagrams(nodes.a, ADDRESS.b6, 6, { tos: 7 << 2 });
      const rows = await applied.statistics();
      expect([name, ...rows.slice(0, 2).map(({ packets }) => packets)]).toEqual([name, 12, 6]);
    } finally {
      await applied.undo();
    }
  }
});

test('the kernel layer applies both directions, verified, and takes both back', async () => {
  const ports = [
    { ...portOf(20_000_000, 'a0'), node: 'a' },
    { ...portOf(20_000_000, 'b0'), node: 'b' },
  ];
  const before = await Promise.all([standing(nodes.a, 'a0'), standing(nodes.b, 'b0')]);
  const plan = kernelLayer.plan(caseStudy, plainKernel, { ...sidecars, ports });
  expect(plan.served).toBe(true);
  const undo = await kernelLayer.apply(plan, context);
  expect(await standing(nodes.a, 'a0')).toContain('htb');
  expect(await standing(nodes.b, 'b0')).toContain('htb');
  await undo();
  expect(await Promise.all([standing(nodes.a, 'a0'), standing(nodes.b, 'b0')])).toEqual(before);
});

test('the kernel layer takes the first port back when the second cannot be had', async () => {
  const ports = [
    { ...portOf(20_000_000, 'a0'), node: 'a' },
    { ...portOf(20_000_000, 'absent0'), node: 'b' },
  ];
  const before = await standing(nodes.a, 'a0');
  const plan = kernelLayer.plan(caseStudy, plainKernel, { ...sidecars, ports });
  await expect(kernelLayer.apply(plan, context)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  expect(await standing(nodes.a, 'a0')).toBe(before);
});

test('the probe finds the same as root in a namespace and without any privilege', async () => {
  const mine = await probeKernel(nodes.a.exec);
  const unprivileged = await probeKernel({
    run: (argv, options) => nodes.a.exec.run(['setpriv', '--bounding-set=-all,+setfcap', ...argv], options),
  });
  const facts = ({
    qdiscs,
    filters,
    trafficControl,
  }: Pick<Platform, 'qdiscs' | 'filters' | 'trafficControl'>) => ({
    qdiscs,
    filters,
    trafficControl,
  });
  expect(mine.trafficControl).toBe(true);
  expect(unprivileged.via).toBe('user-namespace');
  expect(facts(unprivileged)).toEqual(facts(mine));
  const all = [...mine.qdiscs, ...mine.filters, ...mine.missing.map((each) => each.name)];
  expect(all).toEqual(expect.arrayContaining(['htb', 'fq_codel', 'u32', 'flower', 'netem', 'nft']));
  for (const { why } of mine.missing) expect(why).not.toBe('');
});
