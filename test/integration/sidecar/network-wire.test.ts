import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Move } from '../../../src/core/index.ts';
import { SIDECAR_MAIN } from '../../../src/sidecar/index.ts';
import { capture, type Packet } from '../transport/capture.ts';
import { type Network, type NodeName, openNetwork, type Program } from '../transport/lab.ts';
import { type ControlPlaneDouble, controlPlaneDouble, hintsOf, pathsTo } from './control-plane-double.ts';
import { MARKS, networkPolicy } from './network-policy.ts';

const BACK_PORT = 9301;
const PIECE_BYTES = 20_000;

let network: Network;
let folder: string;
let plane: ControlPlaneDouble;

beforeEach(async () => {
  network = await openNetwork();
  // As the layer mark has it: what is sent before the class is known has the mark of the SYN.
  await network.run('receiver', ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/tcp_reflect_tos']);
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-wire-'));
  plane = await controlPlaneDouble(path.join(folder, 'plane.sock'));
});

afterEach(async () => {
  plane.kill();
  await network.close();
  await rm(folder, { recursive: true });
});

function script(name: string, ...args: string[]): [string, ...string[]] {
  return [process.execPath, '--no-warnings', fileURLToPath(new URL(name, import.meta.url)), ...args];
}

async function sidecar(node: NodeName, host: string, rest: object): Promise<Record<string, number>> {
  const name = node === 'sender' ? 'front' : 'back';
  const config = {
    service: name,
    policy: networkPolicy(['path'], { returnAfterMs: 60_000 }),
    layers: ['queue', 'mark', 'network'],
    baselineCongestionControl: '',
    controlPlane: { target: plane.target, node: host },
    statistics: { file: path.join(folder, `${name}.jsonl`), intervalMs: 50 },
    ...rest,
  };
  const file = path.join(folder, `${name}.json`);
  await writeFile(file, JSON.stringify(config));
  const program = network.start(node, [
    process.execPath,
    SIDECAR_MAIN,
    '--config',
    file,
    '--exit-with-stdin',
  ]);
  return (await program.next()) as Record<string, number>;
}

/** Waits until both sidecars have written a move. */
async function bothMoved(to: string): Promise<void> {
  for (;;) {
    const texts = await Promise.all(
      ['front', 'back'].map((name) => readFile(path.join(folder, `${name}.jsonl`), 'utf8')),
    );
    const moves = texts.map((text) =>
      text
        .split('\n')
        .filter((line) => line.includes('"move"'))
        .map((line) => JSON.parse(line) as Omit<Move, 'to'> & { to: string }),
    );
    if (moves.every((lines) => lines.at(-1)?.to === to)) return;
  }
}

async function received(caller: Program, bytes: number): Promise<void> {
  for (let got = 0; got < bytes; ) {
    got = ((await caller.next()) as { received: number }).received;
  }
}

/** How many streams of links the calling sidecar holds, by its last statistics. */
async function linkStreams(): Promise<number> {
  const text = await readFile(path.join(folder, 'front.jsonl'), 'utf8');
  const line = text
    .split('\n')
    .findLast((one) => one.startsWith('{"event":"statistics"') && one.endsWith('}'));
  if (line === undefined) return 0;
  return (JSON.parse(line) as { links: { streams: number } }).links.streams;
}

it.each([
  ['IPv4', '10.77.1.1', '10.77.2.2', 'off'],
  ['IPv6', 'fd77:1::1', 'fd77:2::2', 'off'],
  ['over a link', '10.77.1.1', '10.77.2.2', 'auto'],
])(
  'moves both directions of a connection while a response is under way, and what comes after it, %s',
  async (_name, front, back, link) => {
    const application = network.start(
      'receiver',
      script('held-application-main.ts', '127.0.0.1', String(PIECE_BYTES)),
    );
    const { port } = (await application.next()) as { port: number };
    await sidecar('receiver', back, {
      inbound: {
        listen: { host: back, port: BACK_PORT },
        application: { host: '127.0.0.1', port },
        ingress: false,
      },
    });
    const { outboundPort } = await sidecar('sender', front, {
      outbound: {
        listen: { host: '127.0.0.1', port: 0 },
        upstreams: { back: { endpoints: [{ host: back, port: BACK_PORT }], link } },
      },
    });
    while (plane.streams < 2) await new Promise((resolve) => setImmediate(resolve));
    plane.tell({ paths: pathsTo(front, back) });

    const caller = network.start('sender', script('caller-main.ts', String(outboundPort), 'back'));
    await caller.next();
    while (link === 'auto' && (await linkStreams()) === 0) {
      caller.send({});
      await application.next();
      application.send({ say: 'end' });
      await received(caller, PIECE_BYTES);
      await caller.next();
    }
    const packets = await capture(network, 'router', 'left', async () => {
      caller.send({});
      await application.next();
      application.send({ say: 'more' });
      await received(caller, PIECE_BYTES);
      plane.tell(hintsOf({ interactive: 1 }));
      await bothMoved('secondary');
      application.send({ say: 'more' });
      await received(caller, 2 * PIECE_BYTES);
      application.send({ say: 'end' });
      await received(caller, 3 * PIECE_BYTES);
      expect(await caller.next()).toEqual({ status: 200, bytes: 3 * PIECE_BYTES });

      caller.send({});
      await application.next();
      application.send({ say: 'end' });
      await received(caller, PIECE_BYTES);
      expect(await caller.next()).toEqual({ status: 200, bytes: PIECE_BYTES });
    });

    const responses = packets.filter(({ sourcePort }) => sourcePort === BACK_PORT);
    const requests = packets.filter(({ sourcePort }) => sourcePort !== BACK_PORT);
    expect(new Set(requests.map(({ sourcePort }) => sourcePort)).size).toBe(1);
    for (const direction of [responses, requests]) {
      const marks = direction.map(({ dscp }) => dscp);
      const first = marks.indexOf(MARKS.interactive2);
      expect(new Set(marks.slice(0, first))).toEqual(new Set([MARKS.interactive]));
      expect(new Set(marks.slice(first))).toEqual(new Set([MARKS.interactive2]));
    }
    const bytesOf = (some: readonly Packet[], mark: number): number =>
      some.filter(({ dscp }) => dscp === mark).reduce((sum, { payloadBytes }) => sum + payloadBytes, 0);
    expect(bytesOf(responses, MARKS.interactive)).toBeGreaterThanOrEqual(PIECE_BYTES);
    expect(bytesOf(responses, MARKS.interactive2)).toBeGreaterThanOrEqual(3 * PIECE_BYTES);
  },
);
