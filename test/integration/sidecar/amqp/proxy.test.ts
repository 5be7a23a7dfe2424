import { once } from 'node:events';
import net from 'node:net';
import { type Channel, type ChannelModel, type ConsumeMessage, connect, type Options } from 'amqplib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Address } from '../../../../src/config/index.ts';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { rawApplication, type TestServer } from '../harness.ts';
import { amqpAddress, brokerPolicy, INTERACTIVE_PRIORITY, sidecarBeforeBroker } from './proxied.ts';

let rabbit: TestBroker;
let broker: Address;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  rabbit = await startTestBroker();
  broker = rabbit.broker.address;
});
afterAll(() => rabbit?.close());
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close().catch(() => undefined);
});

async function proxyTo(
  address: Address,
  options: Parameters<typeof sidecarBeforeBroker>[1] = {},
): Promise<Sidecar> {
  const sidecar = await sidecarBeforeBroker(address, options);
  closing.push(() => sidecar.close());
  return sidecar;
}

/** A client; `errors` collects what its connection complains of. */
async function client(
  address: Address,
  errors: string[] = [],
  properties: Record<string, string> = {},
): Promise<ChannelModel> {
  const connection = await connect(
    { hostname: address.host, port: address.port },
    {
      noDelay: true,
      clientProperties: properties,
    },
  );
  connection.on('error', (error: Error) => errors.push(error.message));
  // amqplib takes a connection that was forced to close for no error; it only says why.
  connection.on('close', (error?: Error) => {
    if (error !== undefined) errors.push(error.message);
  });
  closing.push(async () => connection.close());
  return connection;
}

const trace = (digit: string, className?: string): Options.Publish => ({
  headers: {
    traceparent: `00-${digit.repeat(32)}-${'b'.repeat(16)}-01`,
    ...(className === undefined ? {} : { tracestate: `priomesh=c:${className}` }),
  },
});

/** Consumes, and resolves with the messages when so many have come. */
async function collect(
  channel: Channel,
  queue: string,
  count: number,
  each: (message: ConsumeMessage) => void = (message) => channel.ack(message),
): Promise<ConsumeMessage[]> {
  const messages: ConsumeMessage[] = [];
  await new Promise<void>((resolve, reject) => {
    channel
      .consume(queue, (message) => {
        if (message === null) return;
        messages.push(message);
        each(message);
        if (messages.length === count) resolve();
      })
      .catch(reject);
  });
  return messages;
}

/** What the statistics say of the broker's side. */
function numbers(sidecar: Sidecar): Readonly<Record<string, unknown>> {
  return sidecar.statistics()['broker'] as Readonly<Record<string, unknown>>;
}

describe('messages between a client and RabbitMQ', () => {
  it('come with the priority, the trace and the class that their publisher had', async () => {
    const sidecar = await proxyTo(broker);
    const channel = await (await client(amqpAddress(sidecar))).createConfirmChannel();
    await channel.assertQueue('classes');
    channel.sendToQueue('classes', Buffer.from('b'), trace('1', 'batch'));
    channel.sendToQueue('classes', Buffer.from('i'));
    await channel.waitForConfirms();
    const [first, second] = await collect(channel, 'classes', 2);
    expect(first?.properties.priority).toBe(INTERACTIVE_PRIORITY);
    expect(first?.properties.headers).toMatchObject({ tracestate: 'priomesh=c:interactive' });
    expect(second?.properties.priority).toBe(1);
    expect(second?.properties.headers).toMatchObject({
      traceparent: `00-${'1'.repeat(32)}-${'b'.repeat(16)}-01`,
      tracestate: 'priomesh=c:batch',
      baggage: 'priomesh.class=batch',
    });
    expect(second?.fields.deliveryTag).toBe(2);
  });

  it('hand their class on to what their consumer publishes while it has them', async () => {
    const sidecar = await proxyTo(broker);
    const channel = await (await client(amqpAddress(sidecar))).createConfirmChannel();
    await channel.assertQueue('first');
    await channel.assertQueue('second');
    channel.sendToQueue('first', Buffer.from('x'), trace('2', 'batch'));
    // The consumer forwards nothing but the trace, as most do.
    await collect(channel, 'first', 1, (message) => {
      channel.sendToQueue('second', message.content, trace('2'));
      channel.ack(message);
    });
    const [caused] = await collect(channel, 'second', 1);
    expect(caused?.properties.priority).toBe(1);
    expect(numbers(sidecar)).toMatchObject({ reasons: { publish: { wire: 1, 'trace-id': 1 } } });
  });

  it('overtake what has been fetched already: important ones wait for what is being worked on alone', async () => {
    const sidecar = await proxyTo(broker);
    const channel = await (await client(amqpAddress(sidecar))).createConfirmChannel();
    await channel.assertQueue('overtaking');
    const batch = 60;
    for (let index = 0; index < batch; index += 1) {
      channel.sendToQueue('overtaking', Buffer.from('batch'), trace('3', 'batch'));
    }
    await channel.waitForConfirms();
    const worker = await (await client(amqpAddress(sidecar))).createChannel();
    const order: string[] = [];
    let outstanding = 0;
    let most = 0;
    await new Promise<void>((resolve, reject) => {
      const settle = (message: ConsumeMessage): void => {
        // One at a time: a worker that takes its turn, and nothing that hangs on how fast it is.
        setImmediate(() => {
          outstanding -= 1;
          worker.ack(message);
          if (outstanding === 0 && order.length === batch + 1) resolve();
        });
      };
      worker
        .consume('overtaking', (message) => {
          if (message === null) return;
          outstanding += 1;
          most = Math.max(most, outstanding);
          order.push(message.content.toString());
          if (order.length === 10)
            channel.sendToQueue('overtaking', Buffer.from('now'), trace('4', 'interactive'));
          settle(message);
        })
        .catch(reject);
    });
    expect(order).toContain('now');
    expect(order.indexOf('now')).toBeLessThan(batch - 1);
    expect(numbers(sidecar)).toMatchObject({ consumers: { governed: 1 }, heldBytes: 0 });
  });

  it('of five megabytes arrive as they were sent', async () => {
    const sidecar = await proxyTo(broker);
    const channel = await (await client(amqpAddress(sidecar))).createConfirmChannel();
    await channel.assertQueue('large');
    const body = Buffer.from(Array.from({ length: 5_000_000 }, (_, index) => (index * 7919) & 0xff));
    channel.sendToQueue('large', body);
    channel.sendToQueue('large', Buffer.from('small'));
    await channel.waitForConfirms();
    const [large, small] = await collect(channel, 'large', 2);
    expect(large?.content.equals(body)).toBe(true);
    expect(small?.content.toString()).toBe('small');
  });

  it('of a less important class get their turn although more important ones never end', async () => {
    const policy = brokerPolicy({ starvationMs: 300 });
    const sidecar = await proxyTo(broker, { policy });
    const channel = await (await client(amqpAddress(sidecar))).createConfirmChannel();
    await channel.assertQueue('starving');
    for (let index = 0; index < 40; index += 1) {
      channel.sendToQueue('starving', Buffer.from('important'), trace('5', 'interactive'));
    }
    channel.sendToQueue('starving', Buffer.from('batch'), trace('6', 'batch'));
    await channel.waitForConfirms();
    const worker = await (await client(amqpAddress(sidecar))).createChannel();
    const waiting: ConsumeMessage[] = [];
    let seen = 0;
    await new Promise<void>((resolve, reject) => {
      const work = (): void => {
        const [message] = waiting;
        if (message === undefined) return;
        setTimeout(() => {
          waiting.shift();
          worker.ack(message);
          if (message.content.toString() === 'batch') {
            resolve();
            return;
          }
          // For each important message that is done another one comes: the queue never gets to the batch one by itself.
          channel.sendToQueue('starving', message.content, trace('5', 'interactive'));
          work();
        }, 5);
      };
      worker
        .consume('starving', (message) => {
          if (message === null) return;
          seen += 1;
          if (waiting.push(message) === 1) work();
        })
        .catch(reject);
    });
    expect(seen).toBeGreaterThan(1);
    const [consumer] = numbers(sidecar)['prefetch'] as readonly Readonly<Record<string, unknown>>[];
    expect(consumer).toMatchObject({ queue: 'starving' });
    expect(Number(consumer?.['reaches'])).toBeGreaterThan(0);
  });
});

describe('queues that are not ours to change', () => {
  it('keep the levels that they were given under another policy', async () => {
    const before = await proxyTo(broker, { policy: brokerPolicy({ maxPriority: 4 }) });
    const first = await (await client(amqpAddress(before))).createChannel();
    await first.assertQueue('levels-of-before');
    const after = await proxyTo(broker);
    const errors: string[] = [];
    const channel = await (await client(amqpAddress(after), errors)).createChannel();
    expect(await channel.assertQueue('levels-of-before')).toMatchObject({ messageCount: 0 });
    expect(numbers(after)).toMatchObject({ declares: { prioritized: 1, kept: 0 } });
    expect(errors).toEqual([]);
    await channel.deleteQueue('levels-of-before');
  });

  it('stay as they are: a classic queue without priorities, and its messages', async () => {
    const direct = await (await client(broker)).createChannel();
    await direct.assertQueue('plain');
    const sidecar = await proxyTo(broker);
    const channel = await (await client(amqpAddress(sidecar))).createConfirmChannel();
    await expect(channel.assertQueue('plain')).resolves.toMatchObject({ queue: 'plain' });
    channel.sendToQueue('plain', Buffer.from('x'));
    await channel.waitForConfirms();
    expect(await collect(channel, 'plain', 1)).toHaveLength(1);
    expect(numbers(sidecar)).toMatchObject({ declares: { prioritized: 0, kept: 1, passed: 0 } });
  });

  it.each(['quorum', 'classic'])(
    'are consumed from: a %s queue that somebody else declared',
    async (kind) => {
      const direct = await (await client(broker)).createChannel();
      await direct.assertQueue(`elsewhere.${kind}`, { arguments: { 'x-queue-type': kind } });
      const sidecar = await proxyTo(broker);
      const errors: string[] = [];
      const connection = await client(amqpAddress(sidecar), errors);
      const publisher = await connection.createConfirmChannel();
      for (let index = 0; index < 4000; index += 1)
        publisher.sendToQueue(`elsewhere.${kind}`, Buffer.from('x'));
      await publisher.waitForConfirms();
      const channel = await connection.createChannel();
      expect((await collect(channel, `elsewhere.${kind}`, 100)).length).toBeGreaterThanOrEqual(100);
      // A second consumer on the same channel, which has a bound by now.
      expect((await collect(channel, `elsewhere.${kind}`, 20)).length).toBeGreaterThanOrEqual(20);
      expect(errors).toEqual([]);
    },
  );
});

describe('a broker that goes away', () => {
  it('is told of to its clients, and waited for by those who come meanwhile', async () => {
    const sidecar = await proxyTo(broker);
    const errors: string[] = [];
    const connection = await client(amqpAddress(sidecar), errors);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('durable');
    channel.sendToQueue('durable', Buffer.from('kept'), { persistent: true });
    await channel.waitForConfirms();
    const closed = once(connection, 'close');
    await rabbit.broker.kill('SIGKILL');
    await closed;
    expect(errors.join()).toMatch(/320 \(CONNECTION-FORCED\).*the message broker is gone/);

    const waiting = client(amqpAddress(sidecar));
    await rabbit.broker.restart();
    const again = await (await waiting).createChannel();
    const [kept] = await collect(again, 'durable', 1);
    expect(kept?.content.toString()).toBe('kept');
    const statistics = numbers(sidecar);
    expect(statistics).toMatchObject({ brokerLost: 1, dialRecoveries: 1 });
    expect(Number(statistics['dialFailures'])).toBeGreaterThan(0);
  });

  it('is waited for no longer than is configured', async () => {
    const nobody = await rawApplication(() => undefined);
    await nobody.close();
    const sidecar = await proxyTo(
      { host: '127.0.0.1', port: nobody.port },
      { limits: { amqpConnectTimeoutMs: 200 } },
    );
    await expect(client(amqpAddress(sidecar))).rejects.toThrow();
    expect(numbers(sidecar)).toMatchObject({ limits: { amqpConnectTimeoutMs: 1 } });
    await expect.poll(() => numbers(sidecar)['connections']).toBe(0);
  });

  it('is not dialled any more for a client that has left', async () => {
    let dialled = 0;
    const rude: TestServer = await rawApplication((socket) => {
      dialled += 1;
      socket.destroy();
    });
    closing.push(() => rude.close());
    const sidecar = await proxyTo({ host: '127.0.0.1', port: rude.port });
    const socket = net.connect(amqpAddress(sidecar));
    socket.write('AMQP\x00\x00\x09\x01');
    await expect.poll(() => dialled).toBeGreaterThan(1);
    socket.destroy();
    await expect.poll(() => numbers(sidecar)['connections']).toBe(0);
  });
});

/** Everything that a peer sends until it closes. */
async function readAll(socket: net.Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece)).on('error', () => undefined);
  await once(socket, 'close');
  return Buffer.concat(pieces);
}

describe('a peer that speaks something else', () => {
  it('is told which version is spoken here', async () => {
    const sidecar = await proxyTo(broker);
    for (const words of ['AMQP\x00\x01\x00\x00', 'GET / HTTP/1.1\r\n\r\n', 'AMQP\x01\x01\x08\x00']) {
      const socket = net.connect(amqpAddress(sidecar));
      socket.write(words);
      expect((await readAll(socket)).toString('latin1')).toBe('AMQP\x00\x00\x09\x01');
    }
  });

  it('is passed through unread where it insists on TLS and there is an address for it', async () => {
    const tls = await rawApplication((socket) => socket.pipe(socket));
    closing.push(() => tls.close());
    const sidecar = await proxyTo(broker, { tlsAddress: { host: '127.0.0.1', port: tls.port } });
    const socket = net.connect(amqpAddress(sidecar));
    const hello = Buffer.from([0x16, 0x03, 0x01, 0x00, 0x02, 0xca, 0xfe]);
    const rest = Buffer.alloc(300_000, 0x5a);
    socket.write(Buffer.concat([hello, rest]));
    const pieces: Buffer[] = [];
    let got = 0;
    await new Promise<void>((resolve) => {
      socket.on('data', (piece: Buffer) => {
        pieces.push(piece);
        got += piece.length;
        if (got === hello.length + rest.length) resolve();
      });
    });
    expect(Buffer.concat(pieces).equals(Buffer.concat([hello, rest]))).toBe(true);
    socket.destroy();
    expect(numbers(sidecar)).toMatchObject({ tlsConnections: 1 });
    await expect.poll(() => numbers(sidecar)['connections']).toBe(0);
  });

  it('is turned away where it insists on TLS and there is none', async () => {
    const sidecar = await proxyTo(broker);
    const socket = net.connect(amqpAddress(sidecar));
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x00, 0x02]));
    expect(await readAll(socket)).toHaveLength(0);
  });

  it('does not disturb others when it breaks the protocol', async () => {
    const sidecar = await proxyTo(broker);
    const errors: string[] = [];
    const channel = await (await client(amqpAddress(sidecar), errors)).createConfirmChannel();
    await channel.assertQueue('others');
    const socket = net.connect(amqpAddress(sidecar));
    socket.write('AMQP\x00\x00\x09\x01');
    await once(socket, 'data');
    socket.write(Buffer.alloc(64, 0xff));
    const answer = await readAll(socket);
    // connection.close, 501.
    expect(answer.includes(Buffer.from([0, 10, 0, 50, 0x01, 0xf5]))).toBe(true);
    channel.sendToQueue('others', Buffer.from('x'));
    await channel.waitForConfirms();
    expect(await collect(channel, 'others', 1)).toHaveLength(1);
    expect(errors).toEqual([]);
    expect(numbers(sidecar)).toMatchObject({ faults: { 'client 501': 1 } });
  });

  it('is not let in beyond the limit', async () => {
    const sidecar = await proxyTo(broker, { limits: { maxAmqpConnections: 1 } });
    await client(amqpAddress(sidecar));
    await expect(client(amqpAddress(sidecar))).rejects.toThrow();
    expect(numbers(sidecar)).toMatchObject({ connections: 1, limits: { maxAmqpConnections: 1 } });
  });
});

describe('a sidecar that is shut down', () => {
  it('says goodbye to its clients and to the broker', async () => {
    const sidecar = await proxyTo(broker);
    const errors: string[] = [];
    const connection = await client(amqpAddress(sidecar), errors);
    const closed = once(connection, 'close');
    await sidecar.close();
    await closed;
    expect(errors.join()).toMatch(/320 \(CONNECTION-FORCED\).*the sidecar is being shut down/);
  });
});
