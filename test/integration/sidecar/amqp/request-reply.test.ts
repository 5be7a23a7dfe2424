import http from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { httpApplication, type Reply, rawApplication, request, type TestServer } from '../harness.ts';
import {
  connected,
  type HoldingApplication,
  holdingApplication,
  numbersOf,
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
  virtualHost = `test${count}`;
  await rabbit.broker.createVirtualHost(virtualHost);
  application = await holdingApplication();
});

afterEach(async () => {
  for (const { answer } of application.held) answer();
  for (const one of open.splice(0)) await one.close();
  await application.close();
  await rabbit.broker.deleteVirtualHost(virtualHost);
});

function alsoClose<T extends { close(): Promise<void> }>(one: T): T {
  open.push(one);
  return one;
}

async function sidecar(
  options: Partial<QueuedSidecarOptions> = {},
): Promise<Sidecar & { readonly port: number }> {
  const started = await queuedSidecar({
    broker: rabbit.broker.address,
    virtualHost,
    application: application.port,
    ...options,
  });
  alsoClose(started);
  await when(() => connected(started));
  return { ...started, port: started.inboundPort ?? started.outboundPort ?? 0 };
}

function classesOf(one: Sidecar) {
  const { gateway, worker } = numbersOf(one);
  return { gateway: gateway.classes, worker: worker.classes };
}

describe('a request through a queue', () => {
  it('reaches the application whole, and so does its response the caller', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const server = alsoClose(
      await httpApplication((incoming, response) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          response.writeHead(207, [
            'X-Seen',
            JSON.stringify(incoming.headers),
            'Set-Cookie',
            'a=1',
            'Set-Cookie',
            'b=2',
          ]);
          response.end(Buffer.concat([Buffer.from(`${incoming.method} ${incoming.url} `), ...chunks]));
        });
      }),
    );
    const one = await sidecar({ application: server.port });
    const reply = await request(one.port, {
      method: 'PATCH',
      path: '/batch/a%20b?c=d&e',
      headers: { 'X-Own': 'kept', connection: 'close, x-hop', 'x-hop': 'dropped', host: 'shop.example' },
      body: bytes.toString('latin1'),
    });
    expect(reply.status).toBe(207);
    expect(reply.body).toBe(
      `PATCH /batch/a%20b?c=d&e ${Buffer.from(bytes.toString('latin1')).toString('latin1')}`,
    );
    expect(reply.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    const seen = JSON.parse(String(reply.headers['x-seen'])) as Record<string, string>;
    expect(seen).toMatchObject({ 'x-own': 'kept', host: 'shop.example', tracestate: 'priomesh=c:batch' });
    expect(seen['idempotency-key']).toMatch(/^"[0-9a-f-]{36}"$/);
    expect(seen['x-hop']).toBeUndefined();
    expect(reply.headers['x-priomesh-own-answer']).toBeUndefined();
    // The broker confirms when it has written the request to its disk, which may be after the response.
    await when(() => classesOf(one).gateway.batch['confirmed'] === 1);
    expect(classesOf(one)).toMatchObject({
      gateway: { batch: { requests: 1, published: 1, confirmed: 1, responses: 1, outstanding: 0 } },
      worker: { batch: { received: 1, executed: 1 }, interactive: { received: 0 } },
    });
  });

  it('may be any method, HEAD with the length of what it does not carry', async () => {
    const server = alsoClose(
      await httpApplication((incoming, response) => {
        response.writeHead(incoming.method === 'DELETE' ? 204 : 200, { 'content-length': '7' });
        response.end(incoming.method === 'HEAD' || incoming.method === 'DELETE' ? undefined : 'content');
      }),
    );
    const one = await sidecar({ application: server.port });
    for (const [method, status, body] of [
      ['GET', 200, 'content'],
      ['HEAD', 200, ''],
      ['POST', 200, 'content'],
      ['OPTIONS', 200, 'content'],
    ] as const) {
      const reply = await request(one.port, { method });
      expect([reply.status, reply.body, reply.headers['content-length']], method).toEqual([
        status,
        body,
        '7',
      ]);
    }
  });

  it('is taken by any sidecar of the service, also from the outbound side of a caller', async () => {
    const other = await holdingApplication();
    alsoClose(other);
    const caller = await sidecar({ application: undefined });
    const workers = [
      await sidecar({ ingress: false }),
      await sidecar({ ingress: false, application: other.port }),
    ];
    application.hold = '/hold';
    other.hold = '/hold';
    const headers = { host: 'Tested:80' };
    const replies = [1, 2].map((n) => request(caller.port, { path: `/hold/${n}`, headers }));
    await when(() => application.held.length === 1 && other.held.length === 1);
    for (const { answer } of [...application.held, ...other.held]) answer();
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual([200, 200]);
    // A sidecar that is no edge serves what comes over a connection itself: never a second queue behind the first.
    expect((await request(workers[0]?.port ?? 0, { path: '/direct' })).status).toBe(200);
    expect(numbersOf(workers[0] as Sidecar).gateway.classes.interactive['requests']).toBe(0);
    expect((await request(caller.port, { headers: { host: 'nobody' } })).status).toBe(404);
  });

  it('goes by a connection as ever where the layer is off', async () => {
    const started = alsoClose(
      await queuedSidecar({
        broker: rabbit.broker.address,
        virtualHost,
        application: application.port,
        layers: ['queue'],
      }),
    );
    expect((await request(started.inboundPort ?? 0, { path: '/x' })).body).toBe('did /x');
    expect(started.statistics()['requestReply']).toBeUndefined();
    expect((await rabbit.broker.queueDepths(virtualHost)).queues).toEqual([]);
  });

  it('waits behind more important ones, whatever came first', async () => {
    const one = await sidecar();
    application.hold = '/first';
    const replies = [request(one.port, { path: '/first' })];
    await when(() => application.held.length === 1);
    const all = (total: number) => () => {
      const { interactive, batch } = numbersOf(one).gateway.classes;
      return (interactive['confirmed'] ?? 0) + (batch['confirmed'] ?? 0) === total;
    };
    for (let n = 0; n < 6; n += 1) replies.push(request(one.port, { path: `/batch/${n}` }));
    await when(all(7));
    for (let n = 0; n < 6; n += 1) replies.push(request(one.port, { path: `/fast/${n}` }));
    await when(all(13));
    application.held[0]?.answer();
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual(Array(13).fill(200));
    const order = application.seen.slice(1).map((line) => line.split('/')[1]);
    expect(order).toEqual([...Array(6).fill('fast'), ...Array(6).fill('batch')]);
  });
});

describe('a deadline', () => {
  it('ends waiting with 504 and a dead letter, and does not end what has been started', async () => {
    const policy = queuedPolicy({ batch: { deadlineMs: 400 } });
    const one = await sidecar({ policy });
    application.hold = '/batch/started';
    const started = request(one.port, { path: '/batch/started' });
    await when(() => application.held.length === 1);
    const waiting = await request(one.port, { path: '/batch/waiting' });
    expect([waiting.status, waiting.headers['x-priomesh-error']]).toEqual([504, 'BROKER_DEADLINE']);
    await when(() => classesOf(one).worker.batch['expired'] === 1);
    application.held[0]?.answer();
    expect((await started).status).toBe(200);
    expect(application.seen).toEqual(['GET /batch/started']);
    expect(classesOf(one)).toMatchObject({
      gateway: { batch: { expired: 1, responses: 1 } },
      worker: { batch: { executed: 1 }, interactive: { expired: 0 } },
    });
  });

  it('can be shorter than that of the class, by the preference of the caller', async () => {
    const one = await sidecar();
    application.hold = '/hold';
    const held = request(one.port, { path: '/hold' });
    await when(() => application.held.length === 1);
    const impatient = await request(one.port, { path: '/x', headers: { prefer: 'wait=0' } });
    expect(impatient.status).toBe(504);
    application.held[0]?.answer();
    await held;
    expect(application.seen).toEqual(['GET /hold']);
  });

  it('ends waiting for a broker that is away with 503', async () => {
    const nobody = alsoClose(await rawApplication((socket) => socket.destroy()));
    const policy = queuedPolicy({ interactive: { deadlineMs: 200 } });
    const started = alsoClose(
      await queuedSidecar({
        broker: { host: '127.0.0.1', port: nobody.port },
        virtualHost,
        application: application.port,
        policy,
      }),
    );
    const reply = await request(started.inboundPort ?? 0);
    expect([reply.status, reply.headers['x-priomesh-error'], reply.headers['retry-after']]).toEqual([
      503,
      'BROKER_AWAY',
      '1',
    ]);
  });
});

/** Sends a request whose caller can hang up. */
function hangUp(port: number, path: string): { hangUp(): void; readonly ended: Promise<void> } {
  const sent = http.request({ host: '127.0.0.1', port, path, agent: false });
  const ended = new Promise<void>((resolve) => sent.on('close', resolve).on('error', () => undefined));
  sent.end();
  return { hangUp: () => void sent.destroy(), ended };
}

describe('a caller who hangs up', () => {
  it('before the request is executed: it is not executed', async () => {
    const one = await sidecar();
    application.hold = '/first';
    const first = request(one.port, { path: '/first' });
    await when(() => application.held.length === 1);
    const gone = hangUp(one.port, '/gone');
    await when(() => classesOf(one).gateway.interactive['confirmed'] === 2);
    gone.hangUp();
    await when(() => numbersOf(one).worker.workers[0]?.['cancels'] === 1);
    application.held[0]?.answer();
    expect((await first).status).toBe(200);
    expect((await request(one.port, { path: '/after' })).status).toBe(200);
    expect(application.seen).toEqual(['GET /first', 'GET /after']);
    expect(classesOf(one)).toMatchObject({
      gateway: { interactive: { cancelled: 1, outstanding: 0 } },
      worker: { interactive: { cancelled: 1, executed: 2 } },
    });
  });

  it('while it is executed: the execution is broken off', async () => {
    const one = await sidecar();
    application.hold = '/gone';
    const gone = hangUp(one.port, '/gone');
    await when(() => application.held.length === 1);
    gone.hangUp();
    await when(() => application.held[0]?.gone() === true);
    // With a prefetch of 1 it would not be delivered if the other had not been settled.
    expect((await request(one.port, { path: '/after' })).status).toBe(200);
    expect(classesOf(one).worker.interactive).toMatchObject({ aborted: 1, executing: 0, handedBack: 0 });
  });
});

describe('copies of a request', () => {
  const send = (port: number, path: string, headers: http.OutgoingHttpHeaders): Promise<Reply> =>
    request(port, { method: 'POST', path, headers, body: 'order' });

  it('with one idempotency key are executed once, together or one after the other', async () => {
    const one = await sidecar({ policy: queuedPolicy({ broker: { prefetch: 8 } }) });
    application.hold = '/order';
    const headers = { 'idempotency-key': '"mine"', authorization: 'me' };
    const copies = [1, 2, 3].map(() => send(one.port, '/order', headers));
    await when(() => classesOf(one).worker.interactive['joined'] === 2);
    await when(() => application.held.length > 0);
    expect(application.held[0]?.incoming.headers['idempotency-key']).toBe('"mine"');
    application.held[0]?.answer('done once');
    const later = await send(one.port, '/order', headers);
    const bodies = [...(await Promise.all(copies)), later].map(({ body }) => body);
    expect(bodies).toEqual(Array(4).fill('done once'));
    expect(application.seen).toHaveLength(1);
    expect(classesOf(one).worker.interactive).toMatchObject({ executed: 1, joined: 2, remembered: 1 });
  });

  it('are no copies when somebody else sends them, or with another body', async () => {
    const one = await sidecar();
    const key = { 'idempotency-key': '"mine"' };
    await send(one.port, '/order', { ...key, authorization: 'me' });
    await send(one.port, '/order', { ...key, authorization: 'you' });
    await request(one.port, {
      method: 'POST',
      path: '/order',
      headers: { ...key, authorization: 'me' },
      body: 'x',
    });
    expect(application.seen).toHaveLength(3);
  });

  it('are executed again when the first was a failure', async () => {
    let calls = 0;
    const server = alsoClose(
      await httpApplication((_incoming, response) => {
        calls += 1;
        response.writeHead(calls === 1 ? 500 : 200).end();
      }),
    );
    const one = await sidecar({ application: server.port });
    const headers = { 'idempotency-key': '"mine"' };
    expect((await send(one.port, '/order', headers)).status).toBe(500);
    expect((await send(one.port, '/order', headers)).status).toBe(200);
  });
});

describe('bounds', () => {
  it('turn away bodies that are too large, announced or not', async () => {
    const one = await sidecar({ limits: { maxQueuedRequestBytes: 2048 } });
    const post = (body: string, headers: http.OutgoingHttpHeaders = {}) =>
      request(one.port, { method: 'POST', body, headers });
    expect((await post('x'.repeat(2048))).status).toBe(200);
    const announced = await post('x'.repeat(2049));
    expect([announced.status, announced.headers['x-priomesh-error']]).toEqual([413, 'REQUEST_TOO_LARGE']);
    const chunked = await post('x'.repeat(100_000), { 'transfer-encoding': 'chunked' });
    expect(chunked.status).toBe(413);
    expect(numbersOf(one).gateway['outstandingBytes']).toBe(0);
  });

  it('answer 502 for a response that is too large', async () => {
    const one = await sidecar({ limits: { maxQueuedResponseBytes: 2048 } });
    application.hold = '/';
    const reply = request(one.port);
    await when(() => application.held.length === 1);
    application.held[0]?.answer('x'.repeat(2049));
    expect([(await reply).status, (await reply).headers['x-priomesh-error']]).toEqual([
      502,
      'RESPONSE_TOO_LARGE',
    ]);
  });

  it('answer 503 when too many wait, the least important first', async () => {
    const one = await sidecar({ limits: { maxOutstandingRequests: 2 } });
    application.hold = '/held';
    const held = request(one.port, { path: '/held' });
    await when(() => application.held.length === 1);
    const batch = request(one.port, { path: '/batch/1' });
    await when(() => classesOf(one).gateway.batch['confirmed'] === 1);
    const refused = await request(one.port, { path: '/batch/2' });
    expect([refused.status, refused.headers['x-priomesh-error'], refused.headers['retry-after']]).toEqual([
      503,
      'BROKER_FULL',
      '1',
    ]);
    const important = request(one.port, { path: '/x' });
    expect((await batch).headers['x-priomesh-error']).toBe('BROKER_SHED');
    application.held[0]?.answer();
    expect([(await held).status, (await important).status]).toEqual([200, 200]);
    expect(application.seen).not.toContain('GET /batch/1');
  });
});

describe('an application', () => {
  it('that dies of a request is given it three times, and the caller 502', async () => {
    let connections = 0;
    const server = alsoClose(
      await rawApplication((socket) => {
        socket.once('data', () => {
          connections += 1;
          socket.destroy();
        });
      }),
    );
    const one = await sidecar({ application: server.port });
    const reply = await request(one.port, { method: 'POST' });
    expect([reply.status, reply.headers['x-priomesh-error']]).toEqual([502, 'APPLICATION_LOST']);
    expect(connections).toBe(3);
    expect(classesOf(one).worker.interactive).toMatchObject({ received: 3, redelivered: 2, handedBack: 2 });
  });

  it('that is not there yet gets the request when it is', async () => {
    const place: TestServer = await httpApplication(() => undefined);
    const { port } = place;
    await place.close();
    const one = await sidecar({ application: port });
    const reply = request(one.port, { path: '/late' });
    await when(() => (classesOf(one).worker.interactive['handedBack'] ?? 0) >= 2);
    const server = http.createServer((_incoming, response) => response.end('at last'));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    alsoClose({
      close: () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    });
    expect((await reply).body).toBe('at last');
  });

  it('cannot make the sidecar believe that it was not reached', async () => {
    let calls = 0;
    const server = alsoClose(
      await httpApplication((_incoming, response) => {
        calls += 1;
        response
          .writeHead(502, { 'x-priomesh-error': 'CONNECT_FAILED', 'x-priomesh-own-answer': 'guessed' })
          .end();
      }),
    );
    const one = await sidecar({ application: server.port });
    expect((await request(one.port)).status).toBe(502);
    expect(calls).toBe(1);
  });
});
