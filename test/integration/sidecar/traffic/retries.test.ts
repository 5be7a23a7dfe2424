import http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { rawApplication, type TestServer } from '../harness.ts';
import { type Calls, callsTo } from './support.ts';

let calls: Calls | undefined;
let raw: TestServer | undefined;

afterEach(async () => {
  await raw?.close();
  await calls?.close();
  raw = undefined;
  calls = undefined;
});

const RETRIES = {
  attempts: 3,
  on: ['connect-failure', 'reset', 'gateway-error'] as const,
  methods: 'idempotent' as const,
  backOff: { baseMs: 0, maxMs: 0 },
};

/** A port on which nobody listens. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

describe('retries', () => {
  it('send a request again whose endpoint answered 503, with the number of the attempt', async () => {
    const seen: (string | undefined)[] = [];
    const handler: http.RequestListener = (incoming, response) => {
      seen.push(incoming.headers['x-priomesh-attempt'] as string | undefined);
      if (seen.length < 3) response.writeHead(503).end('no');
      else response.end(`yes ${incoming.url} ${incoming.headers['x-own']}`);
    };
    calls = await callsTo({ service: [handler] }, { services: { service: { retries: RETRIES } } });
    const reply = await calls.call('service', {
      path: '/a?b=c',
      headers: { 'x-own': 'kept', 'x-priomesh-attempt': '7' },
    });
    expect([reply.status, reply.body]).toEqual([200, 'yes /a?b=c kept']);
    expect(seen).toEqual([undefined, '2', '3']);
    expect(calls.counted('retries', 'service')).toBe(2);
  });

  it('end after so many attempts, and hand on what came last', async () => {
    let arrived = 0;
    const handler: http.RequestListener = (_incoming, response) => {
      arrived += 1;
      response.writeHead(502).end(`number ${arrived}`);
    };
    calls = await callsTo({ service: [handler] }, { services: { '*': { retries: RETRIES } } });
    const reply = await calls.call('service');
    expect([reply.status, reply.body, arrived]).toEqual([502, 'number 3', 3]);
  });

  it('never send a POST twice, unless the route says that it does no harm', async () => {
    const arrived: string[] = [];
    const handler: http.RequestListener = (incoming, response) => {
      incoming.resume().on('end', () => {
        arrived.push(`${incoming.method} ${incoming.url}`);
        response.writeHead(503).end();
      });
    };
    calls = await callsTo(
      { service: [handler, handler] },
      {
        routes: [
          {
            name: 'votes',
            match: { service: 'service', path: '/vote' },
            retries: { ...RETRIES, attempts: 2, methods: 'any' },
          },
        ],
        services: { service: { retries: RETRIES } },
      },
    );
    expect((await calls.call('service', { method: 'POST', path: '/pay', body: 'x' })).status).toBe(503);
    expect(arrived).toEqual(['POST /pay']);
    const headers = { 'content-length': '1' };
    expect((await calls.call('service', { method: 'POST', path: '/vote', body: 'x', headers })).status).toBe(
      503,
    );
    expect(arrived.slice(1)).toEqual(['POST /vote', 'POST /vote']);
  });

  it('send again what was reset before a response, and not what broke inside one', async () => {
    let connections = 0;
    raw = await rawApplication((socket) => {
      connections += 1;
      const number = connections;
      socket.once('data', (chunk: Buffer) => {
        if (chunk.includes('/inside')) {
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', () => socket.resetAndDestroy());
        } else if (number === 1) socket.resetAndDestroy();
        else socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
      });
    });
    calls = await callsTo({ service: [raw.port] }, { services: { service: { retries: RETRIES } } });
    expect((await calls.call('service')).body).toBe('ok');
    expect(connections).toBe(2);
    await expect(calls.call('service', { path: '/inside' })).rejects.toThrow();
    expect(connections).toBe(3);
  });

  it('begin with a new head where the one of the attempt before broke in the middle', async () => {
    let connections = 0;
    raw = await rawApplication((socket) => {
      connections += 1;
      const number = connections;
      socket.once('data', () => {
        if (number === 1) socket.end('HTTP/1.1 204 No Content, and a reason that has no');
        else socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
      });
    });
    calls = await callsTo({ service: [raw.port] }, { services: { service: { retries: RETRIES } } });
    const reply = await calls.call('service');
    expect([reply.status, reply.body, connections]).toEqual([200, 'ok', 2]);
  });

  it('keep to their budget', async () => {
    let arrived = 0;
    const handler: http.RequestListener = (_incoming, response) => {
      arrived += 1;
      response.writeHead(503).end();
    };
    const retryBudget = { percent: 10, minPerSecond: 0, windowMs: 600_000 };
    calls = await callsTo(
      { service: [handler] },
      { services: { service: { retries: RETRIES, retryBudget } } },
    );
    for (let index = 0; index < 50; index += 1) await calls.call('service');
    expect(arrived).toBe(55);
    expect(calls.counted('retries', 'service')).toBe(5);
    expect(calls.counted('retriesOverBudget', 'service')).toBeGreaterThan(0);
  });

  it('wait for a pause where none could connect, and then try again', async () => {
    const port = await freePort();
    const retries = { ...RETRIES, attempts: 10, backOff: { baseMs: 60_000, maxMs: 40 } };
    const retryBudget = { percent: 100, minPerSecond: 100, windowMs: 10_000 };
    calls = await callsTo({ service: [port] }, { services: { service: { retries, retryBudget } } });
    const reply = await calls.call('service');
    expect([reply.status, reply.headers['x-priomesh-error']]).toEqual([502, 'CONNECT_FAILED']);
    expect(calls.counted('retries', 'service')).toBe(9);
  });

  it('trouble an endpoint that sheds load again only where there is another', async () => {
    const arrived = [0, 0];
    const shed =
      (index: number): http.RequestListener =>
      (_incoming, response) => {
        arrived[index] = (arrived[index] ?? 0) + 1;
        response.writeHead(503, { 'x-priomesh-error': 'QUEUE_SHED' }).end();
      };
    const services = { '*': { retries: RETRIES } };
    calls = await callsTo({ one: [shed(0)], two: [shed(0), shed(1)] }, { services });
    await calls.call('one');
    expect(arrived).toEqual([1, 0]);
    expect(calls.counted('retriesNowhere', 'one')).toBe(1);
    await calls.call('two');
    expect(arrived).toEqual([2, 1]);
  });

  it('give up on an attempt that takes too long, and close its connection', async () => {
    let closed = 0;
    let arrived = 0;
    const handler: http.RequestListener = (incoming, response) => {
      arrived += 1;
      if (arrived > 1) response.end('second');
      else incoming.socket.on('close', () => (closed += 1));
    };
    calls = await callsTo(
      { service: [handler] },
      { services: { service: { timeouts: { tryMs: 300 }, retries: { ...RETRIES, on: ['try-timeout'] } } } },
    );
    expect((await calls.call('service')).body).toBe('second');
    expect([arrived, closed]).toEqual([2, 1]);
    expect(calls.counted('triesTimedOut', 'service')).toBe(1);
  });
});

describe('without traffic settings', () => {
  it('nothing is sent again', async () => {
    let arrived = 0;
    const handler: http.RequestListener = (_incoming, response) => {
      arrived += 1;
      response.writeHead(503).end();
    };
    calls = await callsTo({ service: [handler] }, undefined);
    await calls.call('service');
    expect(arrived).toBe(1);
    expect(calls.sidecar.statistics()['outboundTraffic']).toBeUndefined();
    http.globalAgent.destroy();
  });
});
