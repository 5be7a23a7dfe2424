import { execFile } from 'node:child_process';
import { get } from 'node:http';
import { promisify } from 'node:util';
import { type Channel, type ConsumeMessage, connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Clock, seededRandom, systemClock } from '../../../src/core/index.ts';
import { type Application, startApplication } from '../../../src/workload/application.ts';
import { applicationConfigSchema } from '../../../src/workload/application-config.ts';
import { filler } from '../../../src/workload/filler.ts';
import type { ApplicationConfig } from '../../../src/workload/index.ts';
import { startTestBroker, type TestBroker } from '../../support/broker.ts';
import { fetchFrom, generate, LOOPBACK, listenRaw, route, serve, workload } from './support.ts';

const run = promisify(execFile);

let rabbit: TestBroker;
beforeAll(async () => {
  rabbit = await startTestBroker();
});
afterAll(() => rabbit.close());

type Graph = ApplicationConfig['graph'];
type Consumes = NonNullable<Graph['services'][string]['consumes']>;

/** A front end that calls a worker through a queue, and the worker. */
function graphWith(
  worker: Partial<Graph['services'][string]> & { readonly consumes: Consumes },
  front: Partial<Parameters<typeof route>[1]> = {},
): Graph {
  const call = { service: 'worker', path: '/work/{id}', relay: true, via: 'amqp' as const };
  return {
    schema: 'priomesh/graph/v1',
    name: 'queued',
    services: {
      front: { workers: 100, routes: [route('/work/{id}', { calls: [call], ...front })] },
      worker: { workers: 2, routes: [route('/work/{id}', { responseBytes: 500 })], ...worker },
    },
  };
}

/** What an application is told of the broker, with a virtual host for this test alone. */
async function ownHost(): Promise<Pick<ApplicationConfig, 'broker'>> {
  const virtualHost = `t-${crypto.randomUUID()}`;
  await rabbit.broker.createVirtualHost(virtualHost);
  onTestFinished(async () => {
    if (rabbit.broker.running) await rabbit.broker.deleteVirtualHost(virtualHost);
  });
  return { broker: { address: rabbit.broker.address, virtualHost } };
}

/** A channel of the test's own, in the virtual host of the applications. */
async function ownChannel({ broker }: Pick<ApplicationConfig, 'broker'>): Promise<Channel> {
  const { host, port } = rabbit.broker.address;
  const vhost = encodeURIComponent(broker?.virtualHost ?? '');
  const connection = await connect({ hostname: host, port, vhost });
  onTestFinished(async () => {
    await connection.close().catch(() => {});
  });
  return connection.createChannel();
}

/** Resolves when the condition holds; what it waits for has no event. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await systemClock.sleep(10);
}

const messagesOf = (application: Application) => application.statistics().messages;

describe('a service behind a queue', () => {
  test('answers: the body is relayed, and the wait told', async () => {
    const host = await ownHost();
    const graph = graphWith({ consumes: { queue: 'jobs' } }, { responseBytes: 3 });
    const worker = await serve(graph, 'worker', {}, host);
    const front = await serve(graph, 'front', {}, host);
    const { status, headers, body } = await fetchFrom(front.port, '/work/7');
    expect(status).toBe(200);
    expect(headers['content-length']).toBe('503');
    expect(body).toEqual(Buffer.concat([...filler(500), ...filler(3)]));
    expect(headers['server-timing']).toMatch(/^queue;dur=\d+\.\d{3}$/);
    expect(messagesOf(worker)).toMatchObject({ connections: 1, requests: { served: 1, redelivered: 0 } });
    expect(messagesOf(front)).toMatchObject({ calls: { called: 1, waiting: 0, lateReplies: 0 } });
    expect(worker.statistics()).toMatchObject({ answered: 1, busy: 0 });
  });

  test('serves as many messages at once as it has workers, and tells those behind how long they waited', async () => {
    const host = await ownHost();
    const graph = graphWith({
      workers: 1,
      consumes: { queue: 'jobs' },
      routes: [route('/work/{id}', { computeMs: 30 })],
    });
    await serve(graph, 'worker', {}, host);
    const front = await serve(graph, 'front', {}, host);
    const waits = await Promise.all(
      [1, 2, 3, 4].map(async (id) => {
        const { headers } = await fetchFrom(front.port, `/work/${id}`);
        return Number(/dur=([\d.]+)/.exec(String(headers['server-timing']))?.[1]);
      }),
    );
    waits.sort((one, other) => one - other);
    // The last one waits for three others; timers of 30 ms may fire a little early.
    for (const [position, wait] of waits.entries()) expect(wait).toBeGreaterThanOrEqual(29 * position);
  });

  test('passes the wait of its callee on to its own caller, over HTTP and over a queue', async () => {
    const host = await ownHost();
    const graph = graphWith({
      consumes: { queue: 'jobs' },
      routes: [route('/work/{id}', { computeMs: 20 })],
    });
    const services = {
      ...graph.services,
      edge: {
        workers: 8,
        routes: [
          route('/http/{id}', { calls: [{ service: 'front', path: '/work/{id}', relay: false }] }),
          route('/amqp/{id}', {
            parallel: true,
            calls: [{ service: 'middle', path: '/work/{id}', relay: false, via: 'amqp' as const }],
          }),
        ],
      },
      middle: { ...graph.services['front'], workers: 8, consumes: { queue: 'middle' } },
    } as Graph['services'];
    const all = { ...graph, services };
    await serve(all, 'worker', {}, host);
    const front = await serve(all, 'front', {}, host);
    await serve(all, 'middle', {}, host);
    const edge = await serve(all, 'edge', { front: front.port }, host);
    for (const path of ['/http/1', '/amqp/1']) {
      const { status, headers } = await fetchFrom(edge.port, path);
      expect([status, headers['server-timing']]).toEqual([200, expect.stringMatching(/^queue;dur=/)]);
    }
    expect((await fetchFrom(edge.port, '/healthz')).headers['server-timing']).toBeUndefined();
  });

  test('sends what an instrumented client sends, and takes the reply', async () => {
    const host = await ownHost();
    const graph = graphWith({ consumes: { queue: 'jobs' } });
    const front = await serve(graph, 'front', {}, { ...host, callTimeoutMs: 20_000 });
    const channel = await ownChannel(host);
    const arrived = Promise.withResolvers<ConsumeMessage>();
    await channel.consume('jobs', (message) => message !== null && arrived.resolve(message), { noAck: true });
    const fetched = fetchFrom(front.port, '/work/9', {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=1',
      baggage: 'b=2',
      'x-request-id': '3',
    });
    const { properties } = await arrived.promise;
    expect(properties).toMatchObject({
      type: 'http-request',
      deliveryMode: 2,
      replyTo: expect.stringMatching(/^amq\.rabbitmq\.reply-to\./),
      correlationId: properties.messageId,
    });
    expect(Number(properties.expiration)).toBeGreaterThan(10_000);
    expect(properties.headers).toEqual({
      method: 'GET',
      target: '/work/9',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=1',
    });
    const { replyTo, correlationId } = properties as { replyTo: string; correlationId: string };
    channel.publish('', replyTo, Buffer.from('hello'), { correlationId, headers: { status: 200 } });
    channel.publish('', replyTo, Buffer.from('again'), { correlationId, headers: { status: 200 } });
    const { body, headers } = await fetched;
    expect(body.toString()).toBe('hello');
    expect(headers['server-timing']).toBeUndefined();
    await until(() => messagesOf(front)?.calls?.lateReplies === 1);
  });

  test('asks for no more than its prefetch, and for all where it has none', async () => {
    for (const [prefetch, waiting] of [
      [2, 3],
      [0, 0],
    ] as const) {
      const host = await ownHost();
      const stuck = await listenRaw(() => {});
      const graph = graphWith({
        workers: 1,
        consumes: { queue: 'jobs', prefetch },
        routes: [route('/work/{id}', { calls: [{ service: 'stuck', path: '/', relay: false }] })],
      });
      const worker = await serve(graph, 'worker', { stuck }, host);
      const channel = await ownChannel(host);
      for (let id = 0; id < 5; id += 1) {
        channel.publish('', 'jobs', Buffer.alloc(0), { headers: { method: 'GET', target: `/work/${id}` } });
      }
      await until(() => messagesOf(worker)?.requests?.underWay === 5 - waiting);
      expect((await channel.checkQueue('jobs')).messageCount).toBe(waiting);
    }
  });

  test.each([
    ['a route that it does not have', '/work', 404],
    ['a method that the route has not', 'POST /work/1', 405],
    ['no target at all', '', 404],
  ])('refuses %s, and takes the message off the queue', async (_, wanted, status) => {
    const host = await ownHost();
    const graph = graphWith({ consumes: { queue: 'jobs' } });
    const worker = await serve(graph, 'worker', {}, host);
    const channel = await ownChannel(host);
    const replied = Promise.withResolvers<ConsumeMessage>();
    const replyTo = 'amq.rabbitmq.reply-to';
    await channel.consume(replyTo, (message) => message !== null && replied.resolve(message), {
      noAck: true,
    });
    const [method, target] = wanted.startsWith('POST ') ? wanted.split(' ') : ['GET', wanted];
    channel.publish('', 'jobs', Buffer.alloc(0), { replyTo, headers: { method, target } });
    expect((await replied.promise).properties.headers).toEqual({ status });
    await until(() => messagesOf(worker)?.requests?.served === 1);
  });

  test('says that a call of its own failed, and goes on', async () => {
    const host = await ownHost();
    const broken = await listenRaw((socket) => socket.once('data', () => socket.end('SSH-2.0\r\n\r\n')));
    const graph = graphWith({
      consumes: { queue: 'jobs' },
      routes: [route('/work/{id}', { calls: [{ service: 'broken', path: '/', relay: false }] })],
    });
    const worker = await serve(graph, 'worker', { broken }, host);
    const front = await serve(graph, 'front', {}, host);
    for (let turn = 0; turn < 3; turn += 1) {
      const { status, body } = await fetchFrom(front.port, '/work/1');
      expect([status, body.toString()]).toEqual([502, 'worker: status 502\n']);
    }
    expect(worker.statistics()).toMatchObject({ failed: 3, busy: 0 });
  });

  test('turns away what comes when too many wait for a worker', async () => {
    const host = await ownHost();
    const stuck = await listenRaw(() => {});
    const graph = graphWith({
      workers: 1,
      consumes: { queue: 'jobs' },
      routes: [route('/work/{id}', { calls: [{ service: 'stuck', path: '/', relay: false }] })],
    });
    const worker = await serve(graph, 'worker', { stuck }, { ...host, maxWaiting: 0 });
    const front = await serve(graph, 'front', {}, host);
    const first = get({ host: LOOPBACK, port: front.port, path: '/work/1', agent: false });
    first.on('error', () => {});
    await until(() => worker.statistics().busy === 1);
    const { status, body } = await fetchFrom(front.port, '/work/2');
    expect([status, body.toString()]).toEqual([502, 'worker: status 503\n']);
    first.destroy();
    await until(() => messagesOf(front)?.calls?.waiting === 0);
  });
});

describe('when something goes wrong', () => {
  test('a call of a queue that is gone fails at once', async () => {
    const host = await ownHost();
    const front = await serve(graphWith({ consumes: { queue: 'jobs' } }), 'front', {}, host);
    const channel = await ownChannel(host);
    await channel.deleteQueue('jobs');
    const { status, body } = await fetchFrom(front.port, '/work/1');
    expect([status, body.toString()]).toEqual([502, 'worker: there is no queue jobs\n']);
    expect(messagesOf(front)?.calls).toMatchObject({ returned: 1, waiting: 0 });
  });

  test('a consumer whose queue is deleted declares it again', async () => {
    const host = await ownHost();
    const graph = graphWith({ consumes: { queue: 'jobs' } });
    const worker = await serve(graph, 'worker', {}, host);
    const channel = await ownChannel(host);
    await channel.deleteQueue('jobs');
    await until(() => messagesOf(worker)?.connections === 2);
    const front = await serve(graph, 'front', {}, host);
    expect((await fetchFrom(front.port, '/work/1')).status).toBe(200);
  });

  test('a call without a reply fails in time, and its message is not served later', async () => {
    const host = await ownHost();
    const graph = graphWith({ consumes: { queue: 'jobs' } });
    const front = await serve(graph, 'front', {}, { ...host, callTimeoutMs: 100 });
    const { status, body } = await fetchFrom(front.port, '/work/1');
    expect([status, body.toString()]).toEqual([502, 'worker: no reply in time\n']);
    const channel = await ownChannel(host);
    await until(async () => (await channel.checkQueue('jobs')).messageCount === 0);
  });

  test('a message that was being served when its worker went is served by another', async () => {
    const host = await ownHost();
    const stuck = await listenRaw(() => {});
    const calls = [{ service: 'stuck', path: '/', relay: false }];
    const slow = graphWith({ consumes: { queue: 'jobs' }, routes: [route('/work/{id}', { calls })] });
    const dying = await serve(slow, 'worker', { stuck }, host);
    const front = await serve(slow, 'front', {}, host);
    const fetched = fetchFrom(front.port, '/work/1');
    await until(() => dying.statistics().busy === 1);
    await dying.stop(0);
    const other = await serve(graphWith({ consumes: { queue: 'jobs' } }), 'worker', {}, host);
    expect((await fetched).body.length).toBe(500);
    expect(messagesOf(other)?.requests).toMatchObject({ served: 1, redelivered: 1 });
    expect(dying.statistics()).toMatchObject({ answered: 0, busy: 0 });
  });

  test('every call is answered although the broker is killed under it', async () => {
    const host = await ownHost();
    const graph = graphWith({ consumes: { queue: 'jobs' }, routes: [route('/work/{id}', { computeMs: 5 })] });
    const worker = await serve(graph, 'worker', {}, host);
    const front = await serve(graph, 'front', {}, host);
    const before = Array.from({ length: 40 }, (_, id) => fetchFrom(front.port, `/work/${id}`));
    await until(() => (messagesOf(worker)?.requests?.served ?? 0) >= 5);
    await rabbit.broker.kill('SIGKILL');
    // Those that come while there is no broker wait for it.
    const meanwhile = Array.from({ length: 10 }, (_, id) => fetchFrom(front.port, `/work/${40 + id}`));
    await rabbit.broker.restart();
    const answers = await Promise.all([...before, ...meanwhile]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(messagesOf(front)?.connections).toBeGreaterThanOrEqual(2);
    expect(messagesOf(front)?.calls?.repeated).toBeGreaterThan(0);
    expect(front.statistics()).toMatchObject({ busy: 0, answered: 50 });
  });

  test('without a broker the application does not start, and says why', async () => {
    const hurried: Clock = {
      ...systemClock,
      sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
    };
    const closed = await listenRaw((socket) => socket.destroy());
    const config = applicationConfigSchema.parse({
      graph: graphWith({ consumes: { queue: 'jobs' } }),
      service: 'worker',
      listen: { host: LOOPBACK, port: 0 },
      upstreams: {},
      baselineCongestionControl: '',
      broker: { address: { host: LOOPBACK, port: closed } },
    });
    const starting = startApplication(config, { clock: hurried, random: seededRandom(1), onRefused() {} });
    await expect(starting).rejects.toMatchObject({
      code: 'LAB_FAILED',
      message: expect.stringContaining(`no message broker at ${LOOPBACK} port ${closed}: `),
    });
  });

  test('it stops although a message is being served, and leaves the message to the broker', async () => {
    const host = await ownHost();
    const stuck = await listenRaw(() => {});
    const calls = [{ service: 'stuck', path: '/', relay: false }];
    const graph = graphWith({ consumes: { queue: 'jobs' }, routes: [route('/work/{id}', { calls })] });
    const worker = await serve(graph, 'worker', { stuck }, host);
    const channel = await ownChannel(host);
    channel.publish('', 'jobs', Buffer.alloc(0), { headers: { method: 'GET', target: '/work/1' } });
    await until(() => worker.statistics().busy === 1);
    await worker.stop(10);
    await until(async () => (await channel.checkQueue('jobs')).messageCount === 1);
    expect((await channel.checkQueue('jobs')).consumerCount).toBe(0);
  });
});

describe('beside it', () => {
  test('the generator records what requests waited in the queue', async () => {
    const host = await ownHost();
    const graph = graphWith({
      workers: 1,
      consumes: { queue: 'jobs' },
      routes: [route('/work/{id}', { computeMs: 4 })],
    });
    await serve(graph, 'worker', {}, host);
    const front = await serve(graph, 'front', {}, host);
    const { rows, report } = await generate(front.port, {
      workloads: [workload({ path: '/work/7', rateRps: 150, arrivals: 'poisson' })],
      warmupMs: 100,
      measureMs: 600,
    });
    expect(report.errors).toEqual({});
    expect(rows.length).toBeGreaterThan(50);
    for (const row of rows) {
      const wait = Number(row['queue_wait_ms']);
      expect(row['queue_wait_ms']).toMatch(/^\d+\.\d{3}$/);
      expect(wait).toBeLessThanOrEqual(Number(row['end_ms']) - Number(row['intended_ms']));
    }
  });

  test('sockets to the broker have the baseline congestion control', async () => {
    const host = await ownHost();
    const graph = graphWith({ consumes: { queue: 'jobs' } });
    await serve(graph, 'worker', {}, { ...host, baselineCongestionControl: 'reno' });
    const { host: address, port } = rabbit.broker.address;
    const { stdout } = await run('ss', ['-tinH', 'dst', address, 'and', 'dport', '=', `:${port}`]);
    expect(stdout).toMatch(/\breno\b/);
  });

  test('the client library is not loaded where there is no broker', async () => {
    const script = `
      import { createRequire } from 'node:module';
      import { startApplication } from './src/workload/application.ts';
      import { applicationConfigSchema } from './src/workload/application-config.ts';
      import { seededRandom, systemClock } from './src/core/index.ts';
      const graph = { schema: 'priomesh/graph/v1', name: 'g', services: { a: { workers: 1, routes: [] } } };
      const config = applicationConfigSchema.parse({ graph, service: 'a', upstreams: {}, baselineCongestionControl: '',
        listen: { host: '127.0.0.1', port: 0 } });
      const application = await startApplication(config, { clock: systemClock, random: seededRandom(1), onRefused() {} });
      await application.stop(0);
      const loaded = () =>
        Object.keys(createRequire(import.meta.url).cache).some((name) => name.includes('/amqplib/'));
      const before = loaded();
      await import('amqplib');
      console.log(before, loaded());`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
      cwd: new URL('../../..', import.meta.url),
    });
    expect(stdout).toBe('false true\n');
  });
});
