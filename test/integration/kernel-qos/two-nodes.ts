import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Exec, type ExecOptions, hostExec, mustRun } from '../../../src/core/index.ts';

/** A network namespace that lives as long as the process that holds it. */
export interface Node {
  readonly pid: number;
  readonly exec: Exec;
  /** Starts a program inside; it dies with the test at the latest. */
  spawn(argv: readonly [string, ...string[]]): ChildProcess;
  close(): Promise<void>;
}

/** Two namespaces, joined by links `a0`-`b0` and `a1`-`b1`. */
export interface TwoNodes {
  readonly a: Node;
  readonly b: Node;
  close(): Promise<void>;
}

const isRoot = process.getuid?.() === 0;

/** Holds a namespace open with a `cat`: it ends when its standard input is closed, which the kernel does even when the test is killed. */
async function hold(argv: readonly [string, ...string[]], enter: (pid: number) => string[]): Promise<Node> {
  const [file, ...rest] = argv;
  const holder = spawn(file, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder, 'spawn');
  holder.stdin.write('up\n');
  await once(holder.stdout, 'data');
  const { pid } = holder;
  if (pid === undefined) throw new Error('the holder has no pid');
  const prefix = enter(pid);
  const inside = (words: readonly string[]): [string, ...string[]] => ['nsenter', ...prefix, '--', ...words];
  return {
    pid,
    exec: { run: (words, options?: ExecOptions) => hostExec.run(inside(words), options) },
    spawn(words) {
      const [program, ...parameters] = inside(words);
      return spawn(program, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
    },
    async close() {
      const ended = once(holder, 'exit');
      holder.stdin.end();
      await ended;
    },
  };
}

/** Addresses of the first link. */
export const ADDRESS = { a: '10.77.0.1', b: '10.77.0.2', a6: 'fd77::1', b6: 'fd77::2' } as const;

async function configure(node: Node, side: 'a' | 'b'): Promise<void> {
  const run = (...argv: [string, ...string[]]): Promise<unknown> => mustRun(node.exec, argv);
  await run('ip', 'link', 'set', 'lo', 'up');
  for (const link of [`${side}0`, `${side}1`]) {
    // Segments as large as 64 KiB would count as one packet each in the queues that are measured.
    await run('ethtool', '-K', link, 'tso', 'off', 'gso', 'off', 'gro', 'off');
    await run('ip', 'link', 'set', link, 'up');
  }
  await run('ip', 'address', 'add', `${ADDRESS[side]}/24`, 'dev', `${side}0`);
  await run('ip', 'address', 'add', `${ADDRESS[`${side}6`]}/64`, 'dev', `${side}0`, 'nodad');
}

/** Makes the two nodes, as root or inside a user namespace of its own. */
export async function openTwoNodes(): Promise<TwoNodes> {
  const userFlags = isRoot ? [] : ['-U', '--preserve-credentials'];
  const enter = (pid: number): string[] => ['-t', String(pid), ...userFlags, '-n'];
  const a = await hold(['unshare', isRoot ? '-n' : '-Urn', 'cat'], enter);
  const joinUser: readonly [string, ...string[]] = isRoot
    ? ['unshare', '-n', 'cat']
    : ['nsenter', '-t', String(a.pid), ...userFlags, '--', 'unshare', '-n', 'cat'];
  const b = await hold(joinUser, enter);
  for (const index of [0, 1]) {
    await mustRun(a.exec, [
      ...(['ip', 'link', 'add', `a${index}`, 'type', 'veth'] as const),
      ...['peer', 'name', `b${index}`, 'netns', String(b.pid)],
    ]);
  }
  await configure(a, 'a');
  await configure(b, 'b');
  return {
    a,
    b,
    async close() {
      await b.close();
      await a.close();
    },
  };
}

/** What stands at a device: the words of tc, without counters. */
export async function standing(node: Node, device: string): Promise<string> {
  const result = await mustRun(node.exec, ['tc', '-j', 'qdisc', 'show', 'dev', device]);
  return result.stdout.trim();
}

/** Waits until a program has printed a line that contains a text. */
export async function printed(child: ChildProcess, wanted: string): Promise<void> {
  if (child.stdout === null) throw new Error('the program has no output');
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) if (line.includes(wanted)) return;
  throw new Error(`the program ended without printing "${wanted}"`);
}

const DATAGRAMS_PY = `
import socket, sys
address, count, tos, mark = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
six = ":" in address
out = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
out.setsockopt(socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP, socket.IPV6_TCLASS if six else socket.IP_TOS, tos)
if mark:
    out.setsockopt(socket.SOL_SOCKET, 36, mark)
for _ in range(count):
    out.sendto(b"x" * 100, (address, 9))
`;

/** Sends exactly so many datagrams of 100 octets, with a TOS octet and, where not 0, an SO_MARK. */
export async function sendDatagrams(
  node: Node,
  to: string,
  count: number,
  { tos = 0, mark = 0 }: { readonly tos?: number; readonly mark?: number },
): Promise<void> {
  const words = [to, count, tos, mark].map(String);
  await mustRun(node.exec, ['/usr/bin/python3', '-c', DATAGRAMS_PY, ...words]);
}
