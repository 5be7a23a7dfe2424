import net from 'node:net';
import { type ChannelModel, connect, type Options } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requestOptions } from '../../../../src/sidecar/amqp/request-reply/message-format.ts';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { httpApplication, request } from '../harness.ts';
import {
  connected,
  type HoldingApplication,
  holdingApplication,
  numbersOf,
  QUEUE,
  type QueuedSidecarOptions,
  queuedPolicy,
  queuedSidecar,
  when,
} from './queued-sidecar.ts';

let rabbit: TestBroker;
let virtualHost = '';
let count = 0;
let application: HoldingApplication;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  rabbit = await startTestBroker();
});
afterAll(() => rabbit.close());

beforeEach(async () => {
  count += 1;
  virtualHost = `odd${count}`;
  await rabbit.broker.createVirtualHost(virtualHost);
  application = await holdingApplication();
});

afterEach(async () => {
  for (const { answer } of application.held) answer();
  for (const one of open.splice(0)) await one.close();
  await application.close();
  await rabbit.broker.deleteVirtualHost(virtualHost);
});

async function sidecar(options: Partial<QueuedSidecarOptions> = {}): Promise<Sidecar & { port: number }> {
  const started = await queuedSidecar({
    broker: rabbit.broker.address,
    virtualHost,
    application: application.port,
    ...options,
  });
  open.push(started);
  await when(() => connected(started));
  return { ...started, port: started.inboundPort ?? 0 };
}

/** A client of the broker beside the sidecars. */
async function client(): Promise<ChannelModel> {
  const { host, port } = rabbit.broker.address;
  const model = await connect({ hostname: host, port, vhost: virtualHost });
  open.push(model);
  return model;
}

function sessionsOf(one: Sidecar): readonly number[] {
  return Object.values(numbersOf(one).links).map(({ sessions }) => sessions);
}

const NOTHING = { method: 'GET', fields: [], trace: {}, body: Buffer.alloc(0) };

/** Sends bytes, and reads until the connection is closed: clients of Node do not send methods that its parser does not know. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = net.connect({ host: '127.0.0.1', port });
  socket.write(text);
  let answer = '';
  for await (const chunk of socket.setEncoding('latin1')) answer += String(chunk);
  return answer;
}

/** Field values whose bytes double when they are written as JSON. */
const QUOTES = '"'.repeat(7000);

describe('heads that no message can hold', () => {
  it('of requests are answered 431, and trouble nobody else', async () => {
    const one = await sidecar({ limits: { maxHeadBytes: 65_536 } });
    const headers = Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`x-${index}`, QUOTES]));
    const large = await request(one.port, { headers });
    expect([large.status, large.headers['x-priomesh-error']]).toEqual([431, 'FIELDS_TOO_LARGE']);
    expect((await request(one.port)).status).toBe(200);
    expect(sessionsOf(one)).toEqual([1, 1]);
  });

  it('of responses are answered 502, and are done with', async () => {
    const server = await httpApplication((incoming, response) => {
      if (incoming.url === '/large')
        for (let index = 0; index < 5; index += 1) response.setHeader(`x-${index}`, QUOTES);
      response.end('ok');
    });
    open.push(server);
    const one = await sidecar({ application: server.port, limits: { maxHeadBytes: 65_536 } });
    const large = await request(one.port, { path: '/large' });
    expect([large.status, large.headers['x-priomesh-error']]).toEqual([502, 'RESPONSE_TOO_LARGE']);
    expect((await request(one.port)).status).toBe(200);
    await when(() => numbersOf(one).worker['tooLarge'] === 1);
    expect(sessionsOf(one)).toEqual([1, 1]);
  });
});

describe('a queue that was declared otherwise', () => {
  it.each<[string, Options.AssertQueue]>([
    ['without dead letters', { durable: true }],
    ['with other levels', { durable: true, maxPriority: 7 }],
    ['as one that a restart forgets', { durable: false }],
    ['as a quorum queue', { durable: true, arguments: { 'x-queue-type': 'quorum' } }],
  ])('%s is used as it is', async (_, options) => {
    const model = await client();
    const channel = await model.createChannel();
    await channel.assertQueue(QUEUE, options);
    const one = await sidecar();
    const replies = await Promise.all(
      Array.from({ length: 5 }, (_one, index) => request(one.port, { path: `/${index}`, method: 'POST' })),
    );
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(sessionsOf(one)).toEqual([1, 1]);
  });
});

describe('a method that is not registered', () => {
  it('is answered 501, in the form of all own answers, and the queue goes on', async () => {
    const one = await sidecar();
    const answer = await exchange(
      one.port,
      'BREW /pot HTTP/1.1\r\nHost: tested\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 501 /);
    expect(answer).toContain('x-priomesh-error: METHOD_UNKNOWN');
    expect((await request(one.port)).status).toBe(200);
    expect(application.seen).toEqual(['GET /']);
  });
});

describe('queues of an earlier policy', () => {
  it('are used as they are', async () => {
    const before = await sidecar({ policy: queuedPolicy({ broker: { maxPriority: 2 } }) });
    await before.close();
    const one = await sidecar({ policy: queuedPolicy({ broker: { maxPriority: 3 } }) });
    expect((await request(one.port)).status).toBe(200);
    expect(sessionsOf(one)).toEqual([1, 1]);
  });
});

describe('a worker that drains', () => {
  it('leaves to others what it has not begun', async () => {
    const one = await sidecar({
      policy: queuedPolicy({ broker: { prefetch: 2 } }),
      limits: { drainTimeoutMs: 60_000 },
    });
    application.hold = '/';
    const channel = await (await client()).createConfirmChannel();
    for (let index = 0; index < 20; index += 1) {
      const id = `waits-${index}`;
      const { replyTo: _, ...options } = requestOptions(
        { ...NOTHING, id, key: id, target: `/${id}` },
        60_000,
      );
      channel.publish('', QUEUE, Buffer.alloc(0), options);
    }
    await channel.waitForConfirms();
    await when(() => application.held.length === 2);
    const closing = one.close();
    application.held[0]?.answer();
    // So many times the broker could have delivered a message that was given back.
    for (let turn = 0; turn < 300; turn += 1) await channel.checkExchange('amq.direct');
    expect(numbersOf(one).worker.classes.interactive['received']).toBeLessThan(10);
    application.held[1]?.answer();
    await closing;
    expect(application.seen).toHaveLength(2);
    expect((await channel.checkQueue(QUEUE)).messageCount).toBe(18);
  });
});
