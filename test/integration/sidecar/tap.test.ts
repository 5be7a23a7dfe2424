import { mkdtemp, rm } from 'node:fs/promises';
import type http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/index.ts';
import { type RequestLine, readTap, type Sidecar, type TapLine } from '../../../src/sidecar/index.ts';
import {
  exchangeRaw,
  httpApplication,
  rawApplication,
  request,
  sidecarBefore,
  type TestServer,
  type TestSidecarOptions,
  testPolicy,
} from './harness.ts';

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

let folder = '';
let application: TestServer;
let sidecar: Sidecar | undefined;
let listening: AbortController;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-tap-'));
  listening = new AbortController();
});

afterEach(async () => {
  listening.abort();
  await application.close();
  await sidecar?.close();
  sidecar = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** A sidecar with a tap to which the test listens. `next` gives the next request that has ended. */
async function tapped(options: TestSidecarOptions = {}) {
  const socket = path.join(folder, 'tap.sock');
  sidecar = await sidecarBefore(application.port, { ...options, tap: { socket } });
  const { lines } = await readTap(socket, { clock: systemClock, signal: listening.signal });
  const stream: AsyncIterator<TapLine> = lines[Symbol.asyncIterator]();
  const next = async (): Promise<RequestLine> => {
    const { value } = await stream.next();
    if (value?.event !== 'request') throw new Error(`no request: ${JSON.stringify(value)}`);
    return value;
  };
  return { inbound: sidecar.inboundPort ?? 0, outbound: sidecar.outboundPort ?? 0, next };
}

describe('what a tap tells of a request', () => {
  it('is its class, the reason, what was asked and what came of it, and no query and no header', async () => {
    application = await httpApplication((_incoming, response) => response.writeHead(201).end('made'));
    const { inbound, next } = await tapped();
    await request(inbound, {
      path: '/batch/7?password=hunter2',
      method: 'POST',
      headers: { authorization: 'Bearer hunter3' },
      body: 'hunter4',
    });
    const told = await next();
    expect(told).toMatchObject({
      service: 'tested',
      side: 'inbound',
      class: 'batch',
      reason: 'rule exports',
      to: '',
      method: 'POST',
      path: '/batch/7',
      status: 201,
      queueWaitMs: 0,
      outcome: 'completed',
      code: '',
    });
    expect(told.tookMs).toBeGreaterThan(0);
    expect(JSON.stringify(told)).not.toContain('hunter');
    expect(sidecar?.statistics()).toMatchObject({ tap: { listeners: 1, events: 1, dropped: 0 } });
    await request(inbound, { path: '/' });
    expect(await next()).toMatchObject({ class: 'interactive', reason: 'default', path: '/' });
  });

  it('names the callee of a call, and says that its class was found by its trace id', async () => {
    let outbound = 0;
    application = await httpApplication((incoming, response) => {
      if (incoming.url === '/leaf?x=1') {
        response.end('leaf');
        return;
      }
      const { traceparent = '' } = incoming.headers;
      void request(outbound, {
        path: '/leaf?x=1',
        headers: { host: 'Service:80', traceparent: String(traceparent) },
      }).then(() => response.end('ok'));
    });
    const { inbound, next, ...ports } = await tapped();
    outbound = ports.outbound;
    await request(inbound, { path: '/batch/1', headers: { traceparent: TRACE } });
    expect(await next()).toMatchObject({
      side: 'outbound',
      class: 'batch',
      reason: 'trace-id',
      to: 'service',
      path: '/leaf',
      queueWaitMs: null,
    });
    expect(await next()).toMatchObject({ side: 'inbound', class: 'batch', reason: 'rule exports' });
    await request(outbound, { path: '/', headers: { host: 'nowhere' } });
    expect(await next()).toMatchObject({
      to: 'nowhere',
      status: 404,
      outcome: 'answered',
      code: 'NO_ROUTE',
    });
  });

  it('is its wait in the queue, also of one that never left it', async () => {
    const held: http.ServerResponse[] = [];
    application = await httpApplication((_incoming, response) => {
      held.push(response);
      if (held.length === 1) arrived.resolve();
      else response.end();
    });
    const arrived = Promise.withResolvers<void>();
    const { inbound, next } = await tapped({
      policy: testPolicy({ concurrency: 1 }, { deadlineMs: 40 }),
    });
    const first = request(inbound, { path: '/first' });
    await arrived.promise;
    const waiting = request(inbound, { path: '/waiting' });
    expect((await request(inbound, { path: '/batch/late' })).status).toBe(503);
    const late = await next();
    expect(late).toMatchObject({ class: 'batch', status: 503, outcome: 'answered', code: 'QUEUE_DEADLINE' });
    expect(late.queueWaitMs).toBeGreaterThanOrEqual(40);
    expect(late.queueWaitMs).toBe(late.tookMs);
    held[0]?.end();
    await Promise.all([first, waiting]);
    expect(await next()).toMatchObject({ path: '/first', queueWaitMs: 0 });
    const waited = await next();
    expect(waited).toMatchObject({ path: '/waiting', status: 200, outcome: 'completed' });
    expect(waited.queueWaitMs).toBeGreaterThanOrEqual(40);
    expect(waited.tookMs).toBeGreaterThan(waited.queueWaitMs ?? Number.POSITIVE_INFINITY);
  });

  it('is how it failed', async () => {
    application = await rawApplication((socket) => {
      socket.once('data', (bytes: Buffer) => {
        const text = bytes.toString();
        if (text.includes('/half')) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf');
        else if (text.includes('/none')) socket.destroy();
        else caller.destroy();
      });
    });
    const { inbound, next } = await tapped();
    await expect(request(inbound, { path: '/half' })).rejects.toThrow();
    expect(await next()).toMatchObject({ path: '/half', status: 200, outcome: 'broken' });
    expect((await request(inbound, { path: '/none' })).status).toBe(502);
    expect(await next()).toMatchObject({ status: 502, outcome: 'answered', code: 'UPSTREAM_RESET' });
    const caller = net.connect({ host: '127.0.0.1', port: inbound });
    caller.on('error', () => undefined);
    caller.write('GET /gone HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await next()).toMatchObject({ path: '/gone', status: null, outcome: 'caller-gone' });
  });

  it('is nothing of a head that is refused but the reason', async () => {
    application = await httpApplication((_incoming, response) => response.end());
    const { inbound, next } = await tapped();
    await exchangeRaw(inbound, ['GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n']);
    expect(await next()).toMatchObject({
      class: null,
      reason: '',
      method: '',
      path: '',
      status: 400,
      outcome: 'refused',
      code: 'host-duplicate',
    });
    await exchangeRaw(inbound, [
      'POST /b HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n',
      'nonsense\r\n',
    ]);
    expect(await next()).toMatchObject({ path: '/b', status: 400, outcome: 'refused', code: 'chunk-size' });
  });

  it('is told of requests one after the other on one connection, each with its own', async () => {
    application = await httpApplication((incoming, response) => response.end(incoming.url));
    const { inbound, next } = await tapped();
    const paths = Array.from({ length: 50 }, (_, index) =>
      index % 2 === 0 ? `/batch/${index}` : `/${index}`,
    );
    const raw = paths.map((one) => `GET ${one} HTTP/1.1\r\nHost: a\r\n\r\n`).join('');
    await exchangeRaw(inbound, [raw], (text) => text.includes('/49'));
    for (const one of paths) {
      const wanted = one.startsWith('/batch') ? 'batch' : 'interactive';
      expect(await next()).toMatchObject({ path: one, class: wanted, status: 200 });
    }
  });
});
