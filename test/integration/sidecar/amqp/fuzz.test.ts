import { randomInt } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import amqp from 'amqplib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Address } from '../../../../src/config/index.ts';
import { type Random, seededRandom } from '../../../../src/core/index.ts';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { FakeBroker } from '../../../support/amqp/fake-broker.ts';
import {
  converse,
  type Ending,
  HEADER,
  handshake,
  type RawOptions,
} from '../../../support/amqp/raw-client.ts';
import { clientSession, cut, mutated, serverSession } from '../../../support/amqp/stream-grammar.ts';
import { WireRecorder } from '../../../support/amqp/wire-recorder.ts';
import { startTestBroker } from '../../../support/broker.ts';
import { Bystander } from './bystander.ts';
import { amqpAddress, sidecarBeforeBroker } from './proxied.ts';
import { confirmed, consume, mustGet } from './scenario.ts';

/** Streams of each kind. */
const ROUNDS = Number(process.env['PRIOMESH_FUZZ_ROUNDS'] ?? 600);
const SEED = Number(process.env['PRIOMESH_FUZZ_SEED'] ?? randomInt(2 ** 32));
/** Streams that are under way at once. */
const AT_ONCE = 8;

/** The reply codes of AMQP 0-9-1 (section 1.2) that a broken stream may be answered with. */
const CODES = [320, 501, 502, 503, 504, 505, 506, 530, 540, 541];

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What this process keeps, in its heap and beside it. */
function keptBytes(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

let broker: FakeBroker;
let sidecar: Sidecar;
let address: Address;

beforeAll(async () => {
  process.stdout.write(`AMQP fuzz: PRIOMESH_FUZZ_SEED=${SEED} PRIOMESH_FUZZ_ROUNDS=${ROUNDS}\n`);
  broker = await FakeBroker.open();
  // A broker that hangs up before it has said anything is taken for one that is starting.
  sidecar = await sidecarBeforeBroker(broker.address, { limits: { amqpConnectTimeoutMs: 500 } });
  address = amqpAddress(sidecar);
});
afterAll(async () => {
  await sidecar?.close();
  await broker?.close();
});
beforeEach(() => {
  broker.script = {};
  broker.faults.length = 0;
});

/** What the proxy holds at this moment. */
function held(): { connections: number; heldBytes: number; channels: number } {
  const { connections, heldBytes, channels } = sidecar.statistics()['broker'] as ReturnType<typeof held>;
  return { connections, heldBytes, channels };
}

/** Runs `count` conversations, some at a time; `one` is told its number. */
async function conversations(count: number, one: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await one(index);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

/**
 * A session with faults, as writes. Most clients open their connection as libraries do, a step at a time, and go wrong later; the others
 * say everything at once, and may go wrong in the first step.
 */
function faultySession(random: Random): Pick<RawOptions, 'pieces' | 'inTurn'> {
  const session = clientSession(random);
  if (random.below(4) === 0) return { pieces: cut(mutated(session, random), random) };
  const [header = HEADER, startOk = HEADER, tuneOk = HEADER, open = HEADER, ...rest] = session;
  const steps = [header, startOk, Buffer.concat([tuneOk, open])];
  return { pieces: [...steps, ...cut(mutated(rest, random), random)], inTurn: steps.length };
}

/** Fails unless what came is a clean stream that ends well. */
function expectClean(ending: Ending, what: string): void {
  expect(ending.broken, what).toBeUndefined();
  if (ending.code !== undefined) expect(CODES, what).toContain(ending.code);
}

/** Plays `count` conversations twice beside a bystander and expects the second half to leave no more than the first. */
async function playBeside(count: number, one: (index: number) => Promise<void>): Promise<void> {
  const bystander = await Bystander.open(address);
  const before = held();
  try {
    await conversations(count / 2, one);
    await broker.until(() => broker.connections.size === 1);
    const kept = keptBytes();
    await conversations(count / 2, (index) => one(count / 2 + index));
    await broker.until(() => broker.connections.size === 1);
    await bystander.turnsMore(10);
    expect(held()).toEqual(before);
    // The streams of half the rounds are several megabytes, and each connection has buffers of its own.
    expect(keptBytes() - kept).toBeLessThan(4 * 1024 * 1024);
    expect(broker.faults).toEqual([]);
  } finally {
    await bystander.close();
  }
}

describe('a client that sends anything', () => {
  it('gets clean protocol errors, and disturbs nobody', async () => {
    const codes = new Map<number | undefined, number>();
    await playBeside(ROUNDS, async (index) => {
      const random = seededRandom(SEED).child(`client ${index}`);
      const faulty = faultySession(random);
      const ending = await converse(address, { ...faulty, end: true, rude: index % 50 === 0 });
      expectClean(ending, `client ${index}`);
      codes.set(ending.code, (codes.get(ending.code) ?? 0) + 1);
    });
    // Streams that are answered, and streams that are not, because nothing is wrong with them or they break off.
    expect(codes.get(undefined)).toBeGreaterThan(0);
    for (const code of [501, 502, 503, 505]) expect(codes.get(code), `${code}`).toBeGreaterThan(0);
  });

  it('and waits for the answer instead of hanging up', async () => {
    await playBeside(ROUNDS, async (index) => {
      const random: Random = seededRandom(SEED).child(`waiting client ${index}`);
      const { pieces, inTurn = 0 } = faultySession(random);
      // Noise at the end, more than the largest frame: whatever came before, there is something to be answered.
      const noisy = [...pieces, Buffer.alloc(140_000, 'c')];
      const abandoned = index % 4 === 0;
      const ending = await converse(address, { pieces: noisy, inTurn, end: abandoned });
      expectClean(ending, `waiting client ${index}`);
    });
  });
});

describe('a broker that says anything', () => {
  it('costs its own connection, with a clean error', async () => {
    const codes = new Map<number | undefined, number>();
    const streams = new Map<number, { readonly pieces: Buffer[]; readonly reset: boolean }>();
    broker.script = {
      onFrame: ({ type, payload }, connection) => {
        // Which client it is stands in the user name of its start-ok.
        if (type !== 1 || payload.readUInt32BE(0) !== START_OK) return false;
        const name = /fuzz-(\d+)/.exec(payload.toString('latin1'))?.[1];
        const stream = name === undefined ? undefined : streams.get(Number(name));
        if (stream === undefined) return false;
        for (const piece of stream.pieces) connection.socket.write(piece);
        if (stream.reset) connection.socket.resetAndDestroy();
        else connection.socket.end();
        return true;
      },
    };
    await playBeside(ROUNDS, async (index) => {
      const random = seededRandom(SEED).child(`broker ${index}`);
      const bytes = mutated(serverSession(random).slice(1), random);
      streams.set(index, { pieces: cut(bytes, random), reset: index % 5 === 0 });
      // As long as what it stands for, so that the frame around it stays right.
      const credentials = `\0fuzz-${String(index).padStart(6, '0')}`;
      const greeting = handshake().map((piece) =>
        Buffer.from(piece.toString('latin1').replace('\0guest\0guest', credentials), 'latin1'),
      );
      const sent = [...greeting, ...clientSession(random).slice(4)];
      const ending = await converse(address, { pieces: [Buffer.concat(sent)], end: false });
      streams.delete(index);
      // What the broker says with the right frames is its own; the proxy answers for frames alone.
      expect(ending.broken, `broker ${index}`).toBeUndefined();
      codes.set(ending.code, (codes.get(ending.code) ?? 0) + 1);
    });
    for (const code of [320, 541]) expect(codes.get(code), `${code}`).toBeGreaterThan(0);
  });
});

const START_OK = (10 << 16) | 11;

describe('a recorded session that is cut off', () => {
  let sent: Buffer;
  let received: Buffer;

  beforeAll(async () => {
    const rabbit = await startTestBroker();
    try {
      await using recorder = await WireRecorder.open(rabbit.broker.address);
      const connection = await amqp.connect({ hostname: '127.0.0.1', port: recorder.port });
      const channel = await connection.createConfirmChannel();
      await channel.assertQueue('recorded', { maxLength: 100 });
      await channel.prefetch(5);
      const { inbox } = await consume(channel, 'recorded', { consumerTag: 'tag' });
      await confirmed(channel, '', 'recorded', Buffer.from('hello'), {
        headers: { a: [1, { b: 'c' }] },
        priority: 2,
      });
      const [message] = await inbox.first(1);
      if (message !== undefined) channel.ack(message);
      await channel.cancel('tag');
      await confirmed(channel, '', 'recorded', Buffer.alloc(300, 'x'), { mandatory: true });
      channel.nack(await mustGet(channel, 'recorded'), false, false);
      await channel.deleteQueue('recorded');
      await channel.close();
      await connection.close();
      sent = Buffer.concat(recorder.sent[0] ?? []);
      received = Buffer.concat(recorder.received[0] ?? []);
    } finally {
      await rabbit.close();
    }
  });

  it('after every byte from the client', async () => {
    expect(sent.length).toBeGreaterThan(1000);
    const even = sent.length - (sent.length % 2);
    await playBeside(even, async (index) => {
      const ending = await converse(address, { pieces: [sent.subarray(0, index)], end: true });
      expectClean(ending, `after ${index} bytes`);
      expect(ending.error).toBeUndefined();
    });
  });

  it('after every byte from the broker', async () => {
    expect(received.length).toBeGreaterThan(1000);
    const lengths = new Map<number, number>();
    let next = -1;
    broker.script = {
      onHeader: (connection) => {
        // The bystander came first.
        if (next < 0) return false;
        const length = [...lengths.keys()][0] ?? 0;
        lengths.delete(length);
        connection.socket.end(received.subarray(0, length));
        return true;
      },
    };
    const even = received.length - (received.length % 2);
    await playBeside(even, async (index) => {
      next = index;
      lengths.set(index, index);
      const ending = await converse(address, { pieces: [sent], end: false });
      expectClean(ending, `after ${index} bytes`);
    });
  });
});
