import http2 from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import type { TrafficSettings } from '../../../../src/core/index.ts';
import { until } from '../harness.ts';
import { type Calls, callsTo } from './support.ts';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

type Handler = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void;

function server(handler: Handler): Promise<number> {
  const sessions = new Set<http2.ServerHttp2Session>();
  const listening = http2.createServer();
  listening.on('session', (session) => sessions.add(session));
  listening.on('stream', handler);
  closing.push(() => {
    for (const session of sessions) session.destroy();
    listening.close();
  });
  return new Promise((resolve) => {
    listening.listen(0, '127.0.0.1', () => {
      const address = listening.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

interface Answer {
  readonly status: number;
  readonly error: string | undefined;
  readonly body: string;
}

async function opened(traffic: TrafficSettings, ...handlers: readonly Handler[]) {
  const ports = await Promise.all(handlers.map((handler) => server(handler)));
  const calls: Calls = await callsTo({ service: ports }, traffic);
  const session = http2.connect(`http://127.0.0.1:${calls.sidecar.outboundPort}`);
  closing.push(
    () => session.destroy(),
    () => calls.close(),
  );
  const call = (headers: http2.OutgoingHttpHeaders = {}, body = ''): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':authority': 'service', ...headers }, { endStream: body === '' });
      const chunks: Buffer[] = [];
      let head: http2.IncomingHttpHeaders = {};
      stream.on('response', (came) => {
        head = came;
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('end', () =>
        resolve({
          status: Number(head[':status']),
          error: head['x-priomesh-error'] as string | undefined,
          body: Buffer.concat(chunks).toString(),
        }),
      );
      if (body !== '') stream.end(body);
    });
  return { calls, call };
}

const RETRIES = {
  attempts: 3,
  on: ['reset', 'gateway-error'] as const,
  methods: 'idempotent' as const,
  backOff: { baseMs: 0, maxMs: 0 },
};

describe('over HTTP/2', () => {
  it('requests are sent again where that is safe, and others are not', async () => {
    const seen: string[] = [];
    const { calls, call } = await opened(
      { services: { service: { retries: RETRIES } } },
      (stream, headers) => {
        seen.push(`${headers[':method']} ${headers['x-priomesh-attempt'] ?? '1'}`);
        stream.respond({ ':status': seen.length < 3 ? 503 : 200 });
        stream.end('said');
      },
    );
    expect(await call()).toEqual({ status: 200, error: undefined, body: 'said' });
    expect(seen).toEqual(['GET 1', 'GET 2', 'GET 3']);
    expect(calls.counted('retries', 'service')).toBe(2);
    seen.length = 0;
    expect((await call({ ':method': 'POST' }, 'a body')).status).toBe(503);
    expect(seen).toEqual(['POST 1']);
  });

  it('a body is sent again whole', async () => {
    const bodies: string[] = [];
    const { call } = await opened({ services: { service: { retries: RETRIES } } }, (stream) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        bodies.push(Buffer.concat(chunks).toString());
        stream.respond({ ':status': bodies.length === 1 ? 502 : 200 });
        stream.end();
      });
    });
    expect((await call({ ':method': 'PUT' }, 'a body')).status).toBe(200);
    expect(bodies).toEqual(['a body', 'a body']);
  });

  it('a deadline travels, and ends the stream at the upstream', async () => {
    let closed = 0;
    const left: unknown[] = [];
    const { call } = await opened({ deadlines: { header: 'x-request-timeout-ms' } }, (stream, headers) => {
      left.push(headers['x-priomesh-timeout-ms']);
      stream.on('close', () => (closed += 1));
      if (headers[':path'] === '/') {
        stream.respond();
        stream.end();
      }
    });
    await call({ 'x-request-timeout-ms': '30000', 'x-priomesh-timeout-ms': '20000' });
    expect(Number(left[0])).toBeGreaterThan(10_000);
    expect(Number(left[0])).toBeLessThanOrEqual(20_000);
    const late = await call({ ':path': '/late', 'x-request-timeout-ms': '300' });
    expect([late.status, late.error]).toEqual([504, 'DEADLINE_EXCEEDED']);
    await until(() => closed === 2);
  });

  it('heads are rewritten as a route says', async () => {
    const { call } = await opened(
      {
        routes: [
          {
            name: 'legacy',
            match: { service: 'service', path: '/v1/**' },
            rewrite: { prefix: '/v2', host: 'inside', set: { 'x-a': 'ours' }, remove: ['x-b'] },
          },
        ],
      },
      (stream, headers) => {
        stream.respond();
        stream.end(JSON.stringify(headers));
      },
    );
    const { body } = await call({ ':path': '/v1/x?q', 'x-a': 'theirs', 'x-b': 'gone', 'x-c': 'kept' });
    const headers = JSON.parse(body) as Record<string, string>;
    expect(headers).toMatchObject({
      ':path': '/v2/x?q',
      ':authority': 'inside',
      'x-a': 'ours',
      'x-c': 'kept',
    });
    expect(headers['x-b']).toBeUndefined();
  });

  it('an attempt that takes too long is given up, and its stream is reset', async () => {
    let arrived = 0;
    let closed = 0;
    const { call } = await opened(
      { services: { service: { timeouts: { tryMs: 300 }, retries: { ...RETRIES, on: ['try-timeout'] } } } },
      (stream) => {
        arrived += 1;
        if (arrived === 1) stream.on('close', () => (closed += 1));
        else {
          stream.respond();
          stream.end('second');
        }
      },
    );
    expect((await call()).body).toBe('second');
    await until(() => closed === 1);
  });
});
