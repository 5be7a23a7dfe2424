import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hostExec, mustRun, silentLogger } from '../../../src/core/index.ts';
import { openLab, probeLab } from '../../../src/lab/index.ts';

const TOPOLOGIES = fileURLToPath(new URL('../../../topologies/', import.meta.url));

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'priomesh-topologies-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('with plain Mininet', () => {
  // Mininet executes a custom file in an empty module, then calls topos[NAME](**parameters).
  const load = `
import json, sys
custom = {}
exec(open(sys.argv[1]).read(), custom, custom)
topology = custom['topos'][sys.argv[2]](**json.loads(sys.argv[3]))
print(json.dumps({
    'hosts': topology.hosts(), 'switches': topology.switches(),
    'links': [[a, b, info.get('bw'), info.get('delay')]
              for a, b, info in topology.links(sort=True, withInfo=True)]}))
`;
  const describeTopology = async (file: string, name: string, parameters: object): Promise<unknown> => {
    const argv = [
      '/usr/bin/python3',
      '-B',
      '-c',
      load,
      path.join(TOPOLOGIES, file),
      name,
      JSON.stringify(parameters),
    ];
    const { stdout } = await mustRun(hostExec, argv as [string, ...string[]]);
    return JSON.parse(stdout);
  };

  test('the dumbbell shapes and delays its bottleneck by Mininet itself', async () => {
    const parameters = { left: 2, right: 1, rate_mbit: 10, delay_ms: 5 };
    await expect(describeTopology('dumbbell.py', 'dumbbell', parameters)).resolves.toEqual({
      hosts: ['left1', 'left2', 'right1'],
      switches: ['s1', 's2'],
      links: [
        ['left1', 's1', null, null],
        ['left2', 's1', null, null],
        ['right1', 's2', null, null],
        ['s1', 's2', 10, '5ms'],
      ],
    });
  });

  test('the dual path has two of them, which may differ', async () => {
    const parameters = { rate_mbit: 10, delay_ms: 0, secondary_rate_mbit: 5, secondary_delay_ms: 20 };
    await expect(describeTopology('dual_path.py', 'dual_path', parameters)).resolves.toMatchObject({
      links: [
        ['left1', 's1', null, null],
        ['right1', 's4', null, null],
        ['s1', 's2', 10, null],
        ['s1', 's3', 5, '20ms'],
        ['s2', 's4', null, null],
        ['s3', 's4', null, null],
      ],
    });
  });
});

test('the delay bridge forwards what fits, and counts what does not', async () => {
  const { compiler } = await probeLab(hostExec);
  expect(compiler).toMatchObject({ ok: true });
  const bridge = path.join(directory, 'delay_bridge');
  const source = path.join(TOPOLOGIES, 'delay_bridge.c');
  await mustRun(hostExec, ['cc', '-O2', '-Wall', '-Wextra', '-Werror', '-o', bridge, source]);
  for (const wrong of [['a'], ['a', 'b', '-1', '4'], ['a', 'b', '5x', '4'], ['a', 'b', '5', '0']] as const) {
    const { exitCode, stderr } = await hostExec.run([bridge, ...wrong]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/usage|must be/);
  }

  const topology = { name: 'dumbbell', rateBps: 1_000_000, delayMs: 0, queuePackets: 10, nodes: [] } as const;
  const options = { kind: 'mininet', topology, logDirectory: directory, logger: silentLogger } as const;
  const lab = await openLab(options, new AbortController().signal);
  try {
    const exec = lab.execOn('left1');
    for (const name of ['a', 'b']) {
      await mustRun(exec, ['ip', 'link', 'add', `${name}0`, 'type', 'veth', 'peer', 'name', `${name}1`]);
      for (const end of ['0', '1']) {
        await mustRun(exec, ['sysctl', '-qw', `net.ipv6.conf.${name}${end}.disable_ipv6=1`]);
        await mustRun(exec, ['ip', 'link', 'set', `${name}${end}`, 'mtu', '2000', 'up']);
      }
    }
    const child = await lab.spawn('left1', [bridge, 'a1', 'b1', '300000', '4'], {
      stderrFile: path.join(directory, 'bridge.log'),
    });
    await child.waitForLine((line) => line['event'] === 'ready', 60_000);
    const send = `
import socket, sys, time
def packets(name, protocol):
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    one.bind((name, protocol))
    return one
out, back = packets('a0', 0x88b5), packets('b0', 0x88b5)
frame = lambda number, size: bytes(12) + b'\\x88\\xb5' + bytes([number]) + bytes(size - 15)
start = time.monotonic()
out.send(frame(99, 1700))
for number in range(6):
    out.send(frame(number, 60))
got = [back.recv(2000) for _ in range(4)]
print([one[14] for one in got], time.monotonic() - start >= 0.3)
`;
    const { stdout } = await mustRun(exec, ['/usr/bin/python3', '-c', send]);
    expect(stdout).toBe('[0, 1, 2, 3] True\n');
    await child.signal('SIGTERM');
    await expect(child.exited).resolves.toEqual({ exitCode: 0 });
    const counters = await child.waitForLine((line) => line['event'] === 'counters', 60_000);
    expect(counters['a_to_b']).toEqual({ forwarded: 4, overflowed: 2, oversized: 1, refused: 0 });
    expect(counters['b_to_a']).toEqual({ forwarded: 0, overflowed: 0, oversized: 0, refused: 0 });
  } finally {
    await lab.close();
  }
});

test('Python files compile', async () => {
  const check = 'import ast, sys; [ast.parse(open(name).read(), name) for name in sys.argv[1:]]';
  const files = (await readdir(TOPOLOGIES)).filter((name) => name.endsWith('.py'));
  expect(files).toContain('controller.py');
  await mustRun(hostExec, [
    '/usr/bin/python3',
    '-c',
    check,
    ...files.map((name) => path.join(TOPOLOGIES, name)),
  ]);
});
