import type net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { FakeBroker, type FakeConnection } from '../../../support/amqp/fake-broker.ts';
import { openRaw, publish } from '../../../support/amqp/raw-client.ts';
import { FrameReader, methodFrame, methodIdOf } from '../../../support/amqp/second-codec.ts';
import { Bystander } from './bystander.ts';
import { amqpAddress, sidecarBeforeBroker } from './proxied.ts';

const MESSAGE_BYTES = 64 * 1024;
const MESSAGES = 2048;
const ALL_BYTES = MESSAGE_BYTES * MESSAGES;
/** What the kernel's buffers of two connections on loopback may take, and the proxy's; far less than all. */
const ON_THE_WAY_BYTES = 48 * 1024 * 1024;
const HELD_LIMIT_BYTES = 1024 * 1024;

let broker: FakeBroker;
let sidecar: Sidecar;
let bystander: Bystander;
let socket: net.Socket;

beforeEach(async () => {
  broker = await FakeBroker.open();
  sidecar = await sidecarBeforeBroker(broker.address, { limits: { maxAmqpHeldBytes: HELD_LIMIT_BYTES } });
  bystander = await Bystander.open(amqpAddress(sidecar));
  socket = await openRaw(amqpAddress(sidecar));
});
afterEach(async () => {
  socket.destroy();
  await bystander.close();
  await sidecar.close();
  await broker.close();
});

/** Its connection at the broker: the one that came last. */
function atBroker(): FakeConnection {
  const connection = [...broker.connections].at(-1);
  if (connection === undefined) throw new Error('there is a connection');
  return connection;
}

const body = Buffer.alloc(MESSAGE_BYTES, 'm');

/** Reads whole bodies until all have come. */
async function readAll(from: net.Socket): Promise<number> {
  const reader = new FrameReader();
  let bytes = 0;
  const done = Promise.withResolvers<void>();
  from.on('data', (piece: Buffer) => {
    for (const { type, payload } of reader.push(piece)) if (type === 3) bytes += payload.length;
    if (bytes >= ALL_BYTES) done.resolve();
  });
  from.resume();
  await done.promise;
  return bytes;
}

interface Numbers {
  readonly heldBytes: number;
  readonly limits: { readonly maxAmqpHeldBytes: number };
}

function numbers(): Numbers {
  return sidecar.statistics()['broker'] as Numbers;
}

/** Resolves when a method has reached the broker. */
function methodAtBroker(method: string): Promise<void> {
  return new Promise((resolve) => {
    broker.script = {
      ...broker.script,
      onFrame: ({ type, payload }) => {
        if (type === 1 && payload.readUInt32BE(0) === methodIdOf(method)) setImmediate(resolve);
        return false;
      },
    };
  });
}

/** The client consumes, and does not read. */
async function consumeWithoutReading(noAck: boolean): Promise<FakeConnection> {
  const consuming = methodAtBroker('BasicConsume');
  socket.write(methodFrame(1, 'ChannelOpen', {}));
  socket.write(methodFrame(1, 'BasicConsume', { queue: 'q', consumerTag: 'slow', noAck }));
  await consuming;
  const connection = atBroker();
  for (let sent = 0; sent < MESSAGES; sent += 1) connection.deliver(1, 'slow', body);
  return connection;
}

describe('who does not read', () => {
  it('stops the broker: what waits, waits there', async () => {
    const connection = await consumeWithoutReading(true);
    await bystander.turnsMore(50);
    expect(ALL_BYTES - connection.socket.writableLength).toBeLessThan(ON_THE_WAY_BYTES);
    await bystander.turnsMore(50);
    expect(ALL_BYTES - connection.socket.writableLength).toBeLessThan(ON_THE_WAY_BYTES);
    expect(await readAll(socket)).toBe(ALL_BYTES);
  });

  it('is not given more than may be held, even by a broker that keeps to no prefetch', async () => {
    const connection = await consumeWithoutReading(false);
    let most = 0;
    for (let turn = 0; turn < 20; turn += 1) {
      await bystander.turnsMore(5);
      most = Math.max(most, numbers().heldBytes);
    }
    // The limit was reached; what came then went to the client, as far as that took it.
    expect(numbers().limits.maxAmqpHeldBytes).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(HELD_LIMIT_BYTES);
    expect(ALL_BYTES - connection.socket.writableLength).toBeLessThan(ON_THE_WAY_BYTES);
  });
});

/** What waits in the client when it has published everything. */
function publishAll(): void {
  const message = Buffer.concat(publish(1, 'nobody', body));
  for (let sent = 0; sent < MESSAGES; sent += 1) socket.write(message);
}

describe('a broker that does not read', () => {
  it('stops the publisher, and nobody else', async () => {
    const opened = methodAtBroker('ChannelOpen');
    socket.write(methodFrame(1, 'ChannelOpen', {}));
    await opened;
    const connection = atBroker();
    connection.socket.pause();
    publishAll();
    await bystander.turnsMore(100);
    expect(ALL_BYTES - socket.writableLength).toBeLessThan(ON_THE_WAY_BYTES);
    const all = new Promise<void>((resolve) => {
      connection.socket.on('data', () => {
        if (connection.receivedBytes >= ALL_BYTES) resolve();
      });
    });
    connection.socket.resume();
    await all;
    expect(broker.faults).toEqual([]);
  });

  it('that does not answer a declare keeps what follows it with the client', async () => {
    const asked = Promise.withResolvers<() => void>();
    broker.script = {
      // The trial stands on a channel of the proxy's own, above the client's.
      onFrame: ({ type, channel, payload }, connection) => {
        if (type !== 1 || channel === 1 || payload.readUInt32BE(0) !== methodIdOf('QueueDeclare'))
          return false;
        const declared = { queue: 'q', messageCount: 0, consumerCount: 0 };
        asked.resolve(() => connection.send(channel, 'QueueDeclareOk', declared));
        return true;
      },
    };
    socket.write(methodFrame(1, 'ChannelOpen', {}));
    socket.write(methodFrame(1, 'QueueDeclare', { queue: 'q' }));
    publishAll();
    await bystander.turnsMore(100);
    expect(ALL_BYTES - socket.writableLength).toBeLessThan(ON_THE_WAY_BYTES);
    (await asked.promise)();
    while (atBroker().receivedBytes < ALL_BYTES) await bystander.turnsMore(1);
    expect(broker.faults).toEqual([]);
  });
});
