import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/core/index.ts';
import { filler } from '../../../src/workload/filler.ts';
import { fetchFrom, LOOPBACK, listenRaw, route, serve, serveGraph, single } from './support.ts';

const run = promisify(execFile);

function sha256(pieces: Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

const call = (relay: boolean) => ({ service: 'callee', path: '/', relay });

describe('the reference application', () => {
  test('relays a body of 1 MB byte by byte, with its length, before its own bytes', async () => {
    const ports = await serveGraph();
    const { status, headers, body } = await fetchFrom(ports['frontend'] ?? 0, '/export');
    expect(status).toBe(200);
    expect(headers['content-length']).toBe('1001234');
    expect(sha256([body])).toBe(sha256([...filler(1_000_000), ...filler(1234)]));
  });

  test('relays several bodies in the order of the calls', async () => {
    const ports = await serveGraph();
    const { headers, body } = await fetchFrom(ports['frontend'] ?? 0, '/both');
    expect(headers['content-length']).toBe('1000800');
    expect(sha256([body])).toBe(sha256([...filler(1_000_000), ...filler(800)]));
  });

  test('holds back the callee while the client does not read', async () => {
    let written = 0;
    const total = 64 * 1024 * 1024;
    const calleePort = await listenRaw((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`);
      const piece = Buffer.alloc(65_536, 'x');
      const pour = () => {
        while (written < total) {
          written += piece.length;
          if (!socket.write(piece)) return;
        }
      };
      socket.on('drain', pour);
      pour();
    });
    const graph = single([route('/', { calls: [call(true)] })]);
    const { port } = await serve(graph, 'only', { callee: calleePort });
    const [response] = (await once(get({ host: LOOPBACK, port, agent: false }), 'response')) as [
      IncomingMessage,
    ];
    // Buffers of sockets fill up; then nothing moves.
    for (let before = -1; before !== written; ) {
      before = written;
      await systemClock.sleep(200);
    }
    expect(written).toBeLessThan(total / 2);
    let received = 0;
    for await (const piece of response) received += piece.length;
    expect(received).toBe(total);
  });

  test('relays without length in chunks, and drops what is not relayed', async () => {
    const calleePort = await listenRaw((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n');
        setImmediate(() => socket.end('2\r\nde\r\n0\r\n\r\n'));
      });
    });
    const graph = single([
      route('/relay', { calls: [call(true)] }),
      route('/drop', { calls: [call(false)], responseBytes: 3 }),
    ]);
    const { port } = await serve(graph, 'only', { callee: calleePort });
    const relayed = await fetchFrom(port, '/relay');
    expect(relayed.headers['transfer-encoding']).toBe('chunked');
    expect(relayed.body.toString()).toBe('abcde');
    const dropped = await fetchFrom(port, '/drop');
    expect(dropped.headers['content-length']).toBe('3');
    expect(dropped.body).toEqual(Buffer.concat([...filler(3)]));
  });

  test('forwards tracing headers and nothing else', async () => {
    let seen: IncomingHttpHeaders = {};
    const callee = createServer((request, response) => {
      seen = request.headers;
      response.end();
    });
    callee.listen(0, LOOPBACK);
    await once(callee, 'listening');
    onTestFinished(() => {
      callee.closeAllConnections();
      callee.close();
    });
    const graph = single([route('/', { calls: [call(false)] })]);
    const { port } = await serve(graph, 'only', { callee: (callee.address() as AddressInfo).port });
    await fetchFrom(port, '/', {
      tracestate: 'priomesh=batch',
      priority: 'u=1',
      'x-tenant': 'a',
      cookie: 'c',
    });
    expect(seen).toEqual({ tracestate: 'priomesh=batch', host: 'callee', connection: 'keep-alive' });
  });

  test('gives a worker to one request after the other', async () => {
    const graph = single([route('/', { computeMs: 20, responseBytes: 1 })], 1);
    const application = await serve(graph, 'only');
    const startedMs = systemClock.nowMs();
    const ends = await Promise.all(
      [0, 1, 2].map(async () => {
        await fetchFrom(application.port, '/');
        return systemClock.nowMs() - startedMs;
      }),
    );
    ends.sort((a, b) => a - b);
    for (const [position, endMs] of ends.entries()) {
      expect(endMs).toBeGreaterThanOrEqual(20 * (position + 1));
    }
    expect(application.statistics()).toMatchObject({ started: 3, answered: 3, busy: 0 });
    expect(application.statistics().maxWaitMs).toBeGreaterThanOrEqual(39);
  });

  test('turns away what comes when too many wait, and still answers for its health', async () => {
    const called = Promise.withResolvers<void>();
    const calleePort = await listenRaw((socket) => socket.once('data', () => called.resolve()));
    const graph = single([route('/', { calls: [call(false)] })], 1);
    const application = await serve(graph, 'only', { callee: calleePort }, { maxWaiting: 0 });
    const stuck = get({ host: LOOPBACK, port: application.port, agent: false });
    stuck.on('error', () => {});
    await called.promise;
    expect((await fetchFrom(application.port, '/')).status).toBe(503);
    expect((await fetchFrom(application.port, '/healthz')).status).toBe(200);
    stuck.destroy();
  });

  test.each([
    ['answers with an error', 'HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n', 'status 503'],
    ['closes', '', 'socket hang up'],
    ['talks nonsense', 'SSH-2.0\r\n\r\n', 'Parse Error'],
  ])('answers 502 when the callee %s', async (_name, answer, words) => {
    const calleePort = await listenRaw((socket) => socket.once('data', () => socket.end(answer)));
    for (const relay of [true, false]) {
      for (const parallel of [true, false]) {
        const graph = single([route('/', { calls: [call(relay)], parallel })]);
        const application = await serve(graph, 'only', { callee: calleePort });
        const { status, body } = await fetchFrom(application.port, '/');
        expect(status).toBe(502);
        expect(body.toString()).toContain('callee');
        expect(body.toString()).toContain(words);
        expect(application.statistics()).toMatchObject({ failed: 1, busy: 0 });
      }
    }
  });

  test('cuts its response short when the callee does, instead of ending it as if it were whole', async () => {
    const calleePort = await listenRaw((socket) =>
      socket.once('data', () =>
        socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n'),
      ),
    );
    const graph = single([route('/', { calls: [call(true)] })]);
    const application = await serve(graph, 'only', { callee: calleePort });
    await expect(fetchFrom(application.port, '/')).rejects.toThrow();
    expect(application.statistics()).toMatchObject({ failed: 1, busy: 0 });
  });

  test('answers 502 when one of several calls fails while another still hangs', async () => {
    const closed = Promise.withResolvers<void>();
    const calleePort = await listenRaw((socket) => {
      socket.once('data', (data) => {
        if (data.toString().startsWith('GET /bad'))
          socket.end('HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n');
        else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc');
      });
      socket.once('close', () => closed.resolve());
    });
    const calls = [
      { service: 'callee', path: '/hangs', relay: true },
      { service: 'callee', path: '/bad', relay: true },
    ];
    const graph = single([route('/', { calls, parallel: true })]);
    const application = await serve(graph, 'only', { callee: calleePort });
    expect((await fetchFrom(application.port, '/')).status).toBe(502);
    await closed.promise;
  });

  test('gives up on a callee that is silent for too long', async () => {
    const calleePort = await listenRaw(() => {});
    const graph = single([route('/', { calls: [call(false)] })]);
    const { port } = await serve(graph, 'only', { callee: calleePort }, { callTimeoutMs: 50 });
    const { status, body } = await fetchFrom(port, '/');
    expect([status, body.toString()]).toEqual([502, 'callee: the callee is silent\n']);
  });

  test.each([
    ['before the response', ''],
    ['in the midst of it', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'],
  ])('cancels its calls and frees the worker when the client goes away %s', async (_name, beginning) => {
    const called = Promise.withResolvers<void>();
    const cancelled = Promise.withResolvers<void>();
    const calleePort = await listenRaw((socket) => {
      socket.once('data', () => {
        socket.write(beginning);
        called.resolve();
      });
      socket.once('close', () => cancelled.resolve());
    });
    const graph = single([route('/', { calls: [call(true)] }), route('/quick')], 1);
    const application = await serve(graph, 'only', { callee: calleePort });
    const request = get({ host: LOOPBACK, port: application.port, agent: false });
    request.on('error', () => {});
    await called.promise;
    if (beginning !== '') await once(request, 'response');
    request.destroy();
    await cancelled.promise;
    expect((await fetchFrom(application.port, '/quick')).status).toBe(200);
    expect(application.statistics()).toMatchObject({ abandoned: 1, busy: 0, failed: 0 });
  });

  test('stops although a request hangs', async () => {
    const called = Promise.withResolvers<void>();
    const calleePort = await listenRaw((socket) => socket.once('data', () => called.resolve()));
    const graph = single([route('/', { calls: [call(true)] })]);
    const application = await serve(graph, 'only', { callee: calleePort });
    const hanging = fetchFrom(application.port, '/');
    const failed = expect(hanging).rejects.toThrow();
    await called.promise;
    await application.stop(10);
    await failed;
  });

  test('gives its sockets the baseline congestion control, accepted and connecting ones', async () => {
    const ratings = single([route('/', { responseBytes: 10 })]);
    const callee = await serve(ratings, 'only', {}, { baselineCongestionControl: '' });
    const graph = single([route('/', { calls: [call(false)] })]);
    const application = await serve(
      graph,
      'only',
      { callee: callee.port },
      { baselineCongestionControl: 'reno' },
    );
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    expect((await fetchFrom(application.port, '/', {}, agent)).status).toBe(200);
    const accepted = await run('ss', ['-tinH', 'sport', '=', `:${application.port}`]);
    expect(accepted.stdout).toMatch(/\breno\b/);
    const connecting = await run('ss', ['-tinH', 'dport', '=', `:${callee.port}`]);
    expect(connecting.stdout).toMatch(/\breno\b/);
  });
});
