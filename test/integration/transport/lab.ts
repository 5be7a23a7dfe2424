import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { hostExec, mustRun } from '../../../src/core/index.ts';

/** A program in one of the network's namespaces; it ends when its standard input closes. */
export interface Program {
  /** The next line of JSON that it prints; rejects when it ends before. */
  next(): Promise<unknown>;
  send(line: object): void;
  stop(): Promise<void>;
}

/** `sender` -- `router` -- `receiver`, IPv4 and IPv6, each in a network namespace of its own. */
export interface Network {
  run(node: NodeName, argv: readonly [string, ...string[]]): Promise<string>;
  start(node: NodeName, argv: readonly [string, ...string[]]): Program;
  close(): Promise<void>;
}

export type NodeName = 'sender' | 'router' | 'receiver';

export const SENDER = '10.77.1.1';
export const SENDER_6 = 'fd77:1::1';

/** Holds a namespace open until its standard input closes, so that it ends with this process, however that ends. */
async function holder(argv: readonly string[]): Promise<ChildProcess> {
  const [file = '', ...rest] = [...argv, 'sh', '-c', 'echo ready; exec cat'];
  const child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

/** Where the user is not root, a user namespace makes him root over the network that he gets. */
const ROOT = process.getuid?.() === 0;

export async function openNetwork(): Promise<Network> {
  const holders: Record<NodeName, ChildProcess> = {} as Record<NodeName, ChildProcess>;
  holders.sender = await holder(ROOT ? ['unshare', '-n'] : ['unshare', '-Urn']);
  const enter = (node: NodeName): string[] => [
    'nsenter',
    `--target=${holders[node].pid ?? 0}`,
    '--net',
    ...(ROOT ? [] : ['--user', '--preserve-credentials']),
  ];
  holders.router = await holder([...enter('sender'), 'unshare', '-n']);
  holders.receiver = await holder([...enter('sender'), 'unshare', '-n']);

  const run = async (node: NodeName, argv: readonly [string, ...string[]]): Promise<string> => {
    const [file = '', ...rest] = [...enter(node), ...argv];
    return (await mustRun(hostExec, [file, ...rest])).stdout;
  };
  const ip = (node: NodeName, line: string) => run(node, ['ip', ...line.split(' ')]);
  const pid = (node: NodeName) => holders[node].pid ?? 0;

  await ip('router', `link add left type veth peer name eth0 netns ${pid('sender')}`);
  await ip('router', `link add right type veth peer name eth0 netns ${pid('receiver')}`);
  await ip('sender', 'addr add 10.77.1.1/24 dev eth0');
  await ip('sender', 'addr add fd77:1::1/64 dev eth0 nodad');
  await ip('router', 'addr add 10.77.1.254/24 dev left');
  await ip('router', 'addr add fd77:1::fe/64 dev left nodad');
  await ip('router', 'addr add 10.77.2.254/24 dev right');
  await ip('router', 'addr add fd77:2::fe/64 dev right nodad');
  await ip('receiver', 'addr add 10.77.2.2/24 dev eth0');
  await ip('receiver', 'addr add fd77:2::2/64 dev eth0 nodad');
  for (const [node, device] of [
    ['sender', 'lo'],
    ['sender', 'eth0'],
    ['router', 'left'],
    ['router', 'right'],
    ['receiver', 'eth0'],
    ['receiver', 'lo'],
  ] as const) {
    await ip(node, `link set ${device} up`);
    // One packet a segment, as on a real link: else the queue counts 64 KB as one.
    if (device !== 'lo') await ip(node, `link set ${device} gso_max_segs 1`);
  }
  await ip('sender', 'route add default via 10.77.1.254');
  await ip('sender', '-6 route add default via fd77:1::fe');
  await ip('receiver', 'route add default via 10.77.2.254');
  await ip('receiver', '-6 route add default via fd77:2::fe');
  await run('router', [
    'sh',
    '-c',
    'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding',
  ]);

  const programs = new Set<Program>();
  return {
    run,
    start(node, argv) {
      const program = startProgram([...enter(node), ...argv]);
      programs.add(program);
      return program;
    },
    async close() {
      await Promise.all([...programs].map((program) => program.stop()));
      for (const node of ['receiver', 'router', 'sender'] as const) {
        const exited = once(holders[node], 'exit');
        holders[node].stdin?.end();
        await exited;
      }
    },
  };
}

function startProgram(argv: readonly string[]): Program {
  const [file = '', ...rest] = argv;
  const child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async next() {
      const { done, value } = await lines.next();
      if (done === true) throw new Error(`${argv.join(' ')} ended`);
      return JSON.parse(value) as unknown;
    },
    send(line) {
      child.stdin.write(`${JSON.stringify(line)}\n`);
    },
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}

/** The command that runs a TypeScript file of this folder on this Node. */
export function nodeScript(name: string, ...args: string[]): [string, ...string[]] {
  return [process.execPath, '--no-warnings', fileURLToPath(new URL(name, import.meta.url)), ...args];
}
