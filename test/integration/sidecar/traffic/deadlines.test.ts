import type http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { TrafficSettings } from '../../../../src/core/index.ts';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { httpApplication, request, sidecarBefore, type TestServer, until } from '../harness.ts';
import { type Calls, callsTo, trafficPolicy } from './support.ts';

const closing: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
});

function kept<T extends { close(): Promise<unknown> }>(one: T): T {
  closing.push(one);
  return one;
}

const TRAFFIC: TrafficSettings = { deadlines: { header: 'x-request-timeout-ms' } };

async function outbound(handler: http.RequestListener, traffic = TRAFFIC): Promise<Calls> {
  return kept(await callsTo({ service: [handler] }, traffic));
}

/** A sidecar in front of an application, as the way in. */
async function inbound(
  handler: http.RequestListener,
  traffic = TRAFFIC,
  options: Parameters<typeof sidecarBefore>[1] = {},
): Promise<{ sidecar: Sidecar; application: TestServer; port: number }> {
  const application = await httpApplication(handler);
  const sidecar = await sidecarBefore(application.port, { policy: trafficPolicy(traffic), ...options });
  kept(sidecar);
  kept(application);
  return { sidecar, application, port: sidecar.inboundPort ?? 0 };
}

describe('a deadline', () => {
  it('travels as the time that is left, and not in the words of the hop before', async () => {
    const calls = await outbound((incoming, response) => response.end(JSON.stringify(incoming.headers)));
    const reply = await calls.call('service', {
      headers: { 'x-request-timeout-ms': '30000', 'x-priomesh-timeout-ms': '20000' },
    });
    const left = Number((JSON.parse(reply.body) as Record<string, string>)['x-priomesh-timeout-ms']);
    expect(left).toBeGreaterThan(10_000);
    expect(left).toBeLessThanOrEqual(20_000);
  });

  it('that is over is answered 504, and nothing is sent', async () => {
    let arrived = 0;
    const calls = await outbound((_incoming, response) => {
      arrived += 1;
      response.end();
    });
    const reply = await calls.call('service', { headers: { 'x-request-timeout-ms': '0' } });
    expect([reply.status, reply.headers['x-priomesh-error']]).toEqual([504, 'DEADLINE_EXCEEDED']);
    expect(arrived).toBe(0);
    // What is no number is not taken for one.
    expect((await calls.call('service', { headers: { 'x-request-timeout-ms': '0x0' } })).status).toBe(200);
  });

  it('that passes while the request is under way cancels it at the upstream', async () => {
    let closed = 0;
    const calls = await outbound((incoming) => {
      incoming.socket.on('close', () => (closed += 1));
    });
    const reply = await calls.call('service', { headers: { 'x-request-timeout-ms': '300' } });
    expect([reply.status, reply.headers['x-priomesh-error']]).toEqual([504, 'DEADLINE_EXCEEDED']);
    await until(() => closed === 1);
  });

  it('that passes while the response is under way breaks it off', async () => {
    let closed = 0;
    const calls = await outbound((incoming, response) => {
      incoming.socket.on('close', () => (closed += 1));
      response.writeHead(200, { 'content-length': '100' }).write('half');
    });
    await expect(calls.call('service', { headers: { 'x-request-timeout-ms': '500' } })).rejects.toThrow();
    await until(() => closed === 1);
  });

  it('of the class holds where nobody says one, and of the route where that is earlier', async () => {
    const calls = await outbound(
      (incoming, response) => response.end(incoming.headers['x-priomesh-timeout-ms']),
      {
        deadlines: { header: 'x-request-timeout-ms', classMs: { interactive: 50_000 } },
        routes: [
          { name: 'fast', match: { service: 'service', path: '/fast' }, timeouts: { requestMs: 5000 } },
        ],
      },
    );
    expect(Number((await calls.call('service')).body)).toBeGreaterThan(20_000);
    const fast = Number((await calls.call('service', { path: '/fast' })).body);
    expect(fast).toBeGreaterThan(0);
    expect(fast).toBeLessThanOrEqual(5000);
    expect(
      Number((await calls.call('service', { headers: { 'x-request-timeout-ms': '70000' } })).body),
    ).toBeGreaterThan(50_000);
  });

  it('in a field of ours counts only from who is trusted, at the edge of the mesh', async () => {
    const echo: http.RequestListener = (incoming, response) =>
      response.end(String(incoming.headers['x-priomesh-timeout-ms']));
    const headers = { 'x-priomesh-timeout-ms': '30000' };
    const edge = await inbound(echo);
    expect((await request(edge.port, { headers })).body).toBe('undefined');
    const inside = await inbound(echo, TRAFFIC, { ingress: false });
    const left = Number((await request(inside.port, { headers })).body);
    expect(left).toBeGreaterThan(10_000);
    expect(left).toBeLessThanOrEqual(30_000);
  });

  it('of a request inside bounds the calls that it causes, though the application says nothing of it', async () => {
    let closed = 0;
    let called = 0;
    const slow = kept(
      await httpApplication((incoming) => {
        called += 1;
        incoming.socket.on('close', () => (closed += 1));
      }),
    );
    const errors: unknown[] = [];
    let outboundPort = 0;
    const { sidecar, port } = await inbound(
      (incoming, response) => {
        const traceparent = incoming.headers['traceparent'] ?? '';
        request(outboundPort, { headers: { host: 'service', traceparent } }).then(
          (reply) => {
            errors.push(reply.headers['x-priomesh-error']);
            response.end();
          },
          (error: unknown) => errors.push(error),
        );
      },
      TRAFFIC,
      { endpoints: [{ host: '127.0.0.1', port: slow.port }] },
    );
    outboundPort = sidecar.outboundPort ?? 0;
    const reply = await request(port, { headers: { 'x-request-timeout-ms': '600' } });
    expect(reply.status).toBe(504);
    await until(() => closed === 1 && errors.length === 1);
    expect(called).toBe(1);
    expect(errors).toEqual(['DEADLINE_EXCEEDED']);
  });

  it('holds across sidecars: the one behind knows it, and the application is cancelled', async () => {
    const left: number[] = [];
    let closed = 0;
    const behind = await inbound(
      (incoming, response) => {
        left.push(Number(incoming.headers['x-priomesh-timeout-ms']));
        if (incoming.url === '/now') response.end();
        else incoming.socket.on('close', () => (closed += 1));
      },
      TRAFFIC,
      { ingress: false },
    );
    const calls = kept(await callsTo({ service: [behind.port] }, TRAFFIC));
    const headers = { 'x-request-timeout-ms': '30000' };
    expect((await calls.call('service', { path: '/now', headers })).status).toBe(200);
    expect(left[0]).toBeGreaterThan(10_000);
    expect(left[0]).toBeLessThanOrEqual(30_000);
    const late = await calls.call('service', { headers: { 'x-request-timeout-ms': '500' } });
    expect(late.status).toBe(504);
    await until(() => closed === 1);
    expect(left[1]).toBeLessThanOrEqual(500);
  });

  it('that passes in the queue keeps the request from the application', async () => {
    const arrived: string[] = [];
    const held: http.ServerResponse[] = [];
    const policy = { ...trafficPolicy(TRAFFIC), queue: { ...trafficPolicy(TRAFFIC).queue, concurrency: 1 } };
    const { port } = await inbound(
      (incoming, response) => {
        arrived.push(incoming.url ?? '');
        held.push(response);
      },
      TRAFFIC,
      { policy },
    );
    const first = request(port, { path: '/first' });
    await until(() => arrived.length === 1);
    const second = await request(port, { path: '/second', headers: { 'x-request-timeout-ms': '60' } });
    expect(second.status).toBe(504);
    expect(second.headers['x-priomesh-error']).toMatch(/^(?:CALLER_DEADLINE|DEADLINE_EXCEEDED)$/);
    held[0]?.end('done');
    expect((await first).body).toBe('done');
    expect((await request(port, { path: '/third', headers: { 'x-request-timeout-ms': '0' } })).status).toBe(
      504,
    );
    expect(arrived).toEqual(['/first']);
  });
});

describe('a caller that goes', () => {
  it('cancels its request at the upstream', async () => {
    let closed = 0;
    let arrived = 0;
    const calls = await outbound((incoming) => {
      arrived += 1;
      incoming.socket.on('close', () => (closed += 1));
    });
    const { default: net } = await import('node:net');
    const socket = net.connect(calls.sidecar.outboundPort ?? 0, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nhost: service\r\n\r\n');
    await until(() => arrived === 1);
    socket.destroy();
    await until(() => closed === 1);
    expect(arrived).toBe(1);
  });
});

describe('silence', () => {
  it('ends a request after the time that its service may be silent', async () => {
    let closed = 0;
    const calls = await outbound(
      (incoming) => {
        incoming.socket.on('close', () => (closed += 1));
      },
      { services: { service: { timeouts: { idleMs: 300 } } } },
    );
    const reply = await calls.call('service');
    expect([reply.status, reply.headers['x-priomesh-error']]).toEqual([504, 'REQUEST_TIMEOUT']);
    await until(() => closed === 1);
  });
});
