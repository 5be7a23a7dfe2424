import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mustRun, silentLogger } from '../../../src/core/index.ts';
import { type Lab, type LabLine, type LabTopology, openLab } from '../../../src/lab/index.ts';

const DUMBBELL: LabTopology = {
  name: 'dumbbell',
  rateBps: 20_000_000,
  delayMs: 10,
  queuePackets: 100,
  nodes: ['left2', 'right1'],
};

let directory = '';
const labs: Lab[] = [];
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'priomesh-lab-'));
});
afterEach(async () => {
  await Promise.all(labs.splice(0).map((lab) => lab.close()));
  await rm(directory, { recursive: true, force: true });
});

async function open(topology: LabTopology, signal = new AbortController().signal): Promise<Lab> {
  const lab = await openLab(
    { kind: 'mininet', topology, logDirectory: directory, logger: silentLogger },
    signal,
  );
  labs.push(lab);
  return lab;
}

function run(lab: Lab, node: string, ...argv: [string, ...string[]]): Promise<string> {
  return mustRun(lab.execOn(node), argv).then(({ stdout }) => stdout);
}

function addressOf(lab: Lab, node: string, family: 'address' | 'address6' = 'address'): string {
  const address = lab.nodes[node]?.[family];
  if (address === undefined) throw new Error(`no ${family} of ${node}`);
  return address;
}

/** Round-trip times of 21 pings, in order of size. */
async function ping(lab: Lab, from: string, to: string, ...options: string[]): Promise<number[]> {
  const said = await run(lab, from, 'ping', '-n', '-c', '21', '-i', '0.02', ...options, to);
  return [...said.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1])).sort((a, b) => a - b);
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Holds the ports to a rate, with a queue of so many packets. */
async function shape(lab: Lab, rate: string, queuePackets: number): Promise<void> {
  for (const { node, device } of lab.ports) {
    await run(lab, node, 'tc', 'qdisc', 'add', 'dev', device, 'root', 'handle', '1:', 'htb', 'default', '1');
    const htb = ['htb', 'rate', rate, 'burst', '15k'] as const;
    await run(lab, node, 'tc', 'class', 'add', 'dev', device, 'parent', '1:', 'classid', '1:1', ...htb);
    await run(
      lab,
      node,
      'tc',
      'qdisc',
      'add',
      'dev',
      device,
      'parent',
      '1:1',
      'pfifo',
      'limit',
      `${queuePackets}`,
    );
  }
}

/** Waits until a program of a node listens on a TCP port. */
async function listening(lab: Lab, node: string, port: number): Promise<void> {
  const look = 'until ss -Hltn "sport = :$0" | grep -q .; do sleep 0.01; done';
  await run(lab, node, 'sh', '-c', look, `${port}`);
}

describe('the link', () => {
  test('delays each way, on IPv4 and IPv6, and only across the bottleneck', async () => {
    const lab = await open(DUMBBELL);
    for (const family of ['address', 'address6'] as const) {
      const far = await ping(lab, 'left1', addressOf(lab, 'right1', family));
      expect(far).toHaveLength(21);
      expect(far[0]).toBeGreaterThanOrEqual(20);
      expect(median(far)).toBeLessThan(25);
      const near = await ping(lab, 'left1', addressOf(lab, 'left2', family));
      expect(median(near)).toBeLessThan(5);
    }
  });

  test('without delay is a plain wire', async () => {
    const lab = await open({ ...DUMBBELL, delayMs: 0 });
    const times = await ping(lab, 'left1', addressOf(lab, 'right1'));
    expect(times).toHaveLength(21);
    expect(median(times)).toBeLessThan(5);
  });

  test('carries what the port is held to, in both directions', async () => {
    const lab = await open(DUMBBELL);
    await shape(lab, '20mbit', 100);
    const server = await lab.spawn('right1', ['iperf3', '-s'], {
      stderrFile: path.join(directory, 'server.log'),
    });
    await listening(lab, 'right1', 5201);
    for (const direction of [[], ['-R']]) {
      const client = ['iperf3', '-J', '-c', addressOf(lab, 'right1'), '-t', '3', '-O', '1', ...direction];
      const { end } = JSON.parse(await run(lab, 'left1', ...(client as [string])));
      const rateBps: number = end.sum_received.bits_per_second;
      expect(rateBps).toBeLessThan(20_000_000);
      expect(rateBps).toBeGreaterThan(15_000_000);
    }
    await server.signal('SIGTERM');
    await server.exited;
  });

  test('queues at the shaped port, and nowhere else', async () => {
    const lab = await open({ ...DUMBBELL, queuePackets: 300 });
    expect(lab.limitations.filter((one) => one.startsWith('room for'))).toEqual([]);
    await shape(lab, '200kbit', 300);
    const [port] = lab.ports;
    if (port === undefined) throw new Error('no port');
    const blast = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(600): s.sendto(bytes(1400), ("${addressOf(lab, 'right1')}", 9))
`;
    await run(lab, 'left1', '/usr/bin/python3', '-c', blast);
    const counters = async (): Promise<{ qlen: number; packets: number; drops: number }> => {
      const statistics = await run(lab, port.node, 'tc', '-s', '-j', 'qdisc', 'show', 'dev', port.device);
      return JSON.parse(statistics).find(({ kind }: { kind: string }) => kind === 'pfifo');
    };
    // Every frame that did not fit is counted where it was lost: the switch lost none by itself.
    const seen = async (): Promise<number> => {
      const { qlen, packets, drops } = await counters();
      return qlen + packets + drops;
    };
    await expect.poll(seen, { timeout: 60_000 }).toBeGreaterThanOrEqual(600);
    // Hosts join multicast groups when they like; that is a handful of frames.
    expect(await seen()).toBeLessThan(620);
    expect((await counters()).drops).toBeGreaterThan(200);
  });

  test('no frame is larger than the MTU', async () => {
    const lab = await open(DUMBBELL);
    const [port] = lab.ports;
    if (port === undefined) throw new Error('no port');
    const server = await lab.spawn('right1', ['iperf3', '-s', '-1'], {
      stderrFile: path.join(directory, 'server.log'),
    });
    await listening(lab, 'right1', 5201);
    const capture = await lab.spawn(
      port.node,
      ['tcpdump', '-n', '-l', '-e', '-i', port.device, '-c', '2000', 'greater 1000'],
      { stderrFile: path.join(directory, 'tcpdump.log') },
    );
    const lengths: number[] = [];
    await expect
      .poll(() => readFile(path.join(directory, 'tcpdump.log'), 'utf8'), { timeout: 60_000 })
      .toContain('listening on');
    const collect = capture.waitForLine((line: LabLine) => {
      const match = /length (\d+):/.exec(String(line['text']));
      if (match !== null) lengths.push(Number(match[1]));
      return lengths.length === 500;
    }, 60_000);
    await run(lab, 'left1', 'iperf3', '-c', addressOf(lab, 'right1'), '-n', '4M');
    await collect;
    expect(Math.max(...lengths)).toBe(1514);
    await capture.signal('SIGKILL');
    await server.exited;
  });
});

describe('two paths', () => {
  const topology: LabTopology = { ...DUMBBELL, name: 'dual-path', nodes: [] };
  /** Frames of IPv4 that a path's switch has forwarded, by its own counters. */
  const packets = async (lab: Lab, middle: string): Promise<number> => {
    const said = await run(lab, middle, 'ovs-ofctl', 'dump-ports', middle, '1');
    return Number(/rx pkts=(\d+)/.exec(said)?.[1]);
  };
  test('all traffic takes the primary one, and a flow with a DSCP takes the other', async () => {
    const lab = await open(topology);
    expect(lab.ports.map(({ label }) => label)).toEqual([
      'primary path, left to right',
      'primary path, right to left',
      'secondary path, left to right',
      'secondary path, right to left',
    ]);
    const right = addressOf(lab, 'right1');
    const before = { s2: await packets(lab, 's2'), s3: await packets(lab, 's3') };
    expect(median(await ping(lab, 'left1', right))).toBeGreaterThanOrEqual(20);
    expect((await packets(lab, 's2')) - before.s2).toBeGreaterThanOrEqual(21);
    expect((await packets(lab, 's3')) - before.s3).toBeLessThan(21);

    const flow = 'priority=1000,in_port=1,ip,ip_dscp=46,actions=output:3';
    await run(lab, 's1', 'ovs-ofctl', 'add-flow', 's1', flow);
    const steered = await packets(lab, 's3');
    await ping(lab, 'left1', right, '-Q', '0xb8');
    expect((await packets(lab, 's3')) - steered).toBeGreaterThanOrEqual(21);
  });

  test('group frames reach the other side once', async () => {
    const lab = await open(topology);
    const capture = await lab.spawn(
      'right1',
      ['tcpdump', '-n', '-l', '-i', 'right1-eth0', 'udp and dst port 9'],
      { stderrFile: path.join(directory, 'tcpdump.log') },
    );
    await expect
      .poll(() => readFile(path.join(directory, 'tcpdump.log'), 'utf8'), { timeout: 60_000 })
      .toContain('listening on');
    const lines: LabLine[] = [];
    const last = capture.waitForLine((line) => {
      lines.push(line);
      return String(line['text']).includes('length 2');
    }, 60_000);
    const send = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.sendto(b'x', ("10.0.0.255", 9))
s.sendto(b'xx', ("10.0.0.255", 9))
`;
    await run(lab, 'left1', '/usr/bin/python3', '-c', send);
    await last;
    expect(lines).toHaveLength(2);
  });
});

describe('commands and processes', () => {
  test('commands report status and output, and read their input', async () => {
    const lab = await open(DUMBBELL);
    const exec = lab.execOn('left1');
    const script = 'cat; echo complaint >&2; echo $WHO; exit 3';
    const input = 'ä'.repeat(200_000);
    await expect(exec.run(['sh', '-c', script], { input, env: { WHO: 'me' } })).resolves.toEqual({
      exitCode: 3,
      stdout: `${input}me\n`,
      stderr: 'complaint\n',
    });
    await expect(exec.run(['no-such-program'])).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    await expect(exec.run(['sleep', '600'], { timeoutMs: 50 })).rejects.toThrow('still ran after 50 ms');
    const controller = new AbortController();
    const aborted = exec.run(['sleep', '600'], { signal: controller.signal });
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await run(lab, 's1', 'ps', '-e', '-o', 'args')).not.toContain('sleep 600');
    expect(() => lab.execOn('left9')).toThrow('no node left9');
  });

  test('a command that prints without end is stopped', async () => {
    const lab = await open(DUMBBELL);
    await expect(lab.execOn('left1').run(['yes'])).rejects.toThrow('it printed more than');
  });

  test('lines arrive in order, JSON or not, and the exit after the last of them', async () => {
    const lab = await open(DUMBBELL);
    const lines: LabLine[] = [];
    const script = `
import sys
print('{"event":"ready"}')
print('words')
print('x' * 300000)
print('{"number":1}')
sys.stdout.write('no end')
print('to the log', file=sys.stderr)
`;
    const child = await lab.spawn('right1', ['/usr/bin/python3', '-c', script], {
      stderrFile: path.join(directory, 'child.log'),
      onLine: (line) => lines.push(line),
    });
    await expect(child.exited).resolves.toEqual({ exitCode: 0 });
    const cut = { text: 'x'.repeat(256 * 1024), truncated: true };
    expect(lines).toEqual([{ event: 'ready' }, { text: 'words' }, cut, { number: 1 }, { text: 'no end' }]);
    expect(await readFile(path.join(directory, 'child.log'), 'utf8')).toBe('to the log\n');
  });

  test('signals reach the program itself', async () => {
    const lab = await open(DUMBBELL);
    const script = 'trap "echo {}; exit 7" TERM; echo waiting; while :; do sleep 0.01; done';
    const options = { stderrFile: path.join(directory, 'child.log') };
    const child = await lab.spawn('left1', ['sh', '-c', script], options);
    await child.waitForLine((line) => line['text'] === 'waiting', 60_000);
    await child.signal('SIGTERM');
    await expect(child.exited).resolves.toEqual({ exitCode: 7 });
    await child.signal('SIGTERM');
    const other = await lab.spawn('left1', ['sleep', '600'], options);
    await other.signal('SIGKILL');
    await expect(other.exited).resolves.toEqual({ signal: 'SIGKILL' });
    await expect(lab.spawn('left1', ['no-such-program'], options)).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
    });
  });

  test('what still runs at the end counts as killed', async () => {
    const lab = await open(DUMBBELL);
    const child = await lab.spawn('left1', ['sleep', '600'], {
      stderrFile: path.join(directory, 'child.log'),
    });
    await Promise.all([lab.close(), lab.close()]);
    await expect(child.exited).resolves.toEqual({ signal: 'SIGKILL' });
    expect(lab.failed.aborted).toBe(false);
    await expect(lab.execOn('left1').run(['true'])).rejects.toMatchObject({ code: 'LAB_FAILED' });
  });
});

describe('opening', () => {
  test('two laboratories stand at once and do not see each other', async () => {
    const [first, second] = await Promise.all([open(DUMBBELL), open(DUMBBELL)]);
    await shape(first, '1mbit', 10);
    expect(await run(second, 's1', 'tc', 'qdisc', 'show', 'dev', 's1-eth3')).not.toContain('htb');
    for (const lab of [first, second]) {
      expect(await ping(lab, 'left1', addressOf(lab, 'right1'))).toHaveLength(21);
    }
  });

  test.each([
    ['before it began', []],
    ['when its process has started', ['lab.log']],
    ['when the switches have started', ['lab.log', 'ovs-vswitchd.log']],
  ])('is cancelled %s', async (_when, files) => {
    const controller = new AbortController();
    const opening = open(DUMBBELL, controller.signal);
    opening.catch(() => {});
    if (files.length > 0) {
      await expect.poll(() => readdir(directory), { interval: 1 }).toEqual(expect.arrayContaining(files));
    }
    controller.abort();
    await expect(opening).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('a network that cannot be built says why and names the log', async () => {
    const unbuildable = open({ ...DUMBBELL, delayMs: 20_000 });
    await expect(unbuildable).rejects.toMatchObject({
      code: 'LAB_FAILED',
      fix: expect.stringContaining('lab.log'),
    });
    await expect(unbuildable).rejects.toThrow('delay');
  });
});
