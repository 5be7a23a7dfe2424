import { once } from 'node:events';
import { vi } from 'vitest';
import { mustRun, systemClock } from '../../../src/core/index.ts';
import { printed, type TwoNodes } from './two-nodes.ts';

const FIRST_PORT = 5301;
const FLOWS_MAX = 2;
/** How much is measured: 1.2 s of a 20 Mbit/s link. */
const WINDOW_BYTES = 3_000_000;

/** Offers half as much again as the link takes in each flow, in steps of 2 ms, until it is ended. Says so when what it offered exceeds every queue on the way. */
const OFFERED_BPS = 30_000_000;
const SATURATE_PY = `
import socket, sys, time
address, first, offered = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
marks = [int(each) for each in sys.argv[4:]]
six = ":" in address
flows = []
for index, tos in enumerate(marks):
    out = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    out.setsockopt(socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP, socket.IPV6_TCLASS if six else socket.IP_TOS, tos)
    out.setblocking(False)
    flows.append((out, (address, first + index)))
start, sent, told = time.monotonic(), 0, False
while True:
    due = int((time.monotonic() - start) * offered / 8 / 1200)
    while sent < due:
        for out, to in flows:
            try:
                out.sendto(bytes(1200), to)
            except BlockingIOError:
                pass
        sent += 1
    if sent > 1000 and not told:
        told = True
        print("saturated", flush=True)
    time.sleep(0.002)
`;

/** What the flows got in a window in which all of them had something to send. */
export interface Share {
  /** IP octets that arrived, of each flow. */
  readonly bytes: readonly number[];
  /** All flows together. */
  readonly bps: number;
}

/** Counts what arrives at `b`, a port a flow, and drops it. */
export async function prepareCounting({ b }: TwoNodes): Promise<void> {
  const nft = (...words: readonly string[]): Promise<unknown> => mustRun(b.exec, ['nft', ...words]);
  await nft('add', 'table', 'inet', 'count');
  await nft(
    'add',
    'chain',
    'inet',
    'count',
    'in',
    '{',
    'type',
    'filter',
    'hook',
    'input',
    'priority',
    '0',
    ';',
    '}',
  );
  for (let index = 0; index < FLOWS_MAX; index += 1) {
    await nft(
      'add',
      'rule',
      'inet',
      'count',
      'in',
      'udp',
      'dport',
      String(FIRST_PORT + index),
      'counter',
      'drop',
    );
  }
}

interface Snapshot {
  readonly atMs: number;
  readonly bytes: readonly number[];
}

async function snapshot({ b }: TwoNodes): Promise<Snapshot> {
  const listing = await mustRun(b.exec, ['nft', '-j', 'list', 'table', 'inet', 'count']);
  const atMs = systemClock.nowMs();
  const bytes = [...listing.stdout.matchAll(/"bytes": (\d+)/g)].map(([, digits]) => Number(digits));
  return { atMs, bytes };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

/** Sends one saturating flow for each TOS octet, and measures what arrives while all of them are backlogged. */
export async function saturate(nodes: TwoNodes, to: string, tos: readonly number[]): Promise<Share> {
  const words = [to, FIRST_PORT, OFFERED_BPS, ...tos].map(String);
  const sender = nodes.a.spawn(['/usr/bin/python3', '-c', SATURATE_PY, ...words]);
  const ended = once(sender, 'exit');
  try {
    await printed(sender, 'saturated');
    const first = await snapshot(nodes);
    return await vi.waitFor(
      async () => {
        const last = await snapshot(nodes);
        const bytes = tos.map((_, index) => (last.bytes[index] ?? 0) - (first.bytes[index] ?? 0));
        if (sum(bytes) < WINDOW_BYTES) throw new Error(`only ${sum(bytes)} octets have arrived`);
        return { bytes, bps: (sum(bytes) * 8000) / (last.atMs - first.atMs) };
      },
      { interval: 100, timeout: 60_000 },
    );
  } finally {
    sender.kill('SIGKILL');
    await ended;
  }
}
