import type http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Sidecar } from '../../../src/sidecar/index.ts';
import { probeTransport } from '../../../src/transport/index.ts';
import {
  httpApplication,
  type Reply,
  request,
  sidecarBefore,
  type TestServer,
  type TestSidecarOptions,
  testPolicy,
  until,
} from './harness.ts';

let sidecar: Sidecar | undefined;
let application: TestServer | undefined;
let arrived: string[] = [];
let held: http.ServerResponse[] = [];

afterEach(async () => {
  await application?.close();
  await sidecar?.close();
  sidecar = undefined;
  application = undefined;
});

interface SideNumbers {
  readonly classes: Record<
    string,
    Record<string, number> & { transport: { congestionControl: string | null; samples: unknown[] } }
  >;
  readonly queue: { readonly running: number; readonly waiting: number };
  readonly pools: readonly { readonly class: string; readonly connections: number }[];
  readonly reasons: Record<string, number>;
  readonly limits: Record<string, number>;
}

function side(name: 'inbound' | 'outbound' = 'inbound'): SideNumbers {
  return sidecar?.statistics()[name] as SideNumbers;
}

/** An application that answers only when the test says so. */
async function holding(options: TestSidecarOptions): Promise<number> {
  arrived = [];
  held = [];
  application = await httpApplication((incoming, response) => {
    arrived.push(incoming.url ?? '');
    held.push(response);
  });
  sidecar = await sidecarBefore(application.port, options);
  return sidecar.inboundPort ?? 0;
}

/** Sends requests one by one, each after the one before it stands in the queue or at the application. */
async function sendInOrder(port: number, paths: readonly string[]): Promise<Promise<Reply>[]> {
  const replies: Promise<Reply>[] = [];
  for (const path of paths) {
    const before = side().queue.running + side().queue.waiting;
    replies.push(request(port, { path }));
    await until(() => side().queue.running + side().queue.waiting === before + 1);
  }
  return replies;
}

async function answerAll(count: number): Promise<void> {
  for (let answered = 0; answered < count; answered += 1) {
    await until(() => held.length > 0);
    held.shift()?.end('ok');
  }
}

const MIXED = ['/first', '/batch/1', '/batch/2', '/a', '/b', '/batch/3', '/c'];

describe('the request queue in the data path', () => {
  it('strict: the important class first, in its own order', async () => {
    const port = await holding({ policy: testPolicy({ concurrency: 1 }) });
    const replies = await sendInOrder(port, MIXED);
    await answerAll(MIXED.length);
    await Promise.all(replies);
    expect(arrived).toEqual(['/first', '/a', '/b', '/c', '/batch/1', '/batch/2', '/batch/3']);
  });

  it('off: first come, first served, whatever the class', async () => {
    const port = await holding({ policy: testPolicy({ concurrency: 1 }), layers: [] });
    const replies = await sendInOrder(port, MIXED);
    await answerAll(MIXED.length);
    await Promise.all(replies);
    expect(arrived).toEqual(MIXED);
  });

  it('weighted: turns by weight', async () => {
    const port = await holding({
      policy: testPolicy({ concurrency: 1, mode: 'weighted' }, { weight: 1 }, { weight: 2 }),
    });
    const paths = [
      '/first',
      ...['1', '2', '3'].map((id) => `/batch/${id}`),
      ...['a', 'b', 'c', 'd', 'e', 'f'].map((id) => `/${id}`),
    ];
    const replies = await sendInOrder(port, paths);
    await answerAll(paths.length);
    await Promise.all(replies);
    const batchAmongFirstSeven = arrived.slice(1, 7).filter((path) => path.startsWith('/batch')).length;
    expect(batchAmongFirstSeven).toBe(2);
  });

  it('keeps places free of a class beyond its share', async () => {
    const port = await holding({ policy: testPolicy({ concurrency: 4 }, { maxSharePercent: 50 }) });
    const replies = await sendInOrder(port, ['/batch/1', '/batch/2', '/batch/3', '/a', '/b']);
    await until(() => arrived.length === 4);
    expect(arrived.filter((path) => path.startsWith('/batch'))).toHaveLength(2);
    expect(side().queue).toEqual({ running: 4, waiting: 1, limit: 4 });
    await answerAll(5);
    await Promise.all(replies);
  });

  it('sheds the least important when it is full', async () => {
    const port = await holding({ policy: testPolicy({ concurrency: 1, capacity: 2 }) });
    const replies = await sendInOrder(port, ['/first', '/batch/1', '/batch/2']);
    const refused = await request(port, { path: '/batch/3' });
    expect([refused.status, refused.headers['x-priomesh-error'], refused.headers['retry-after']]).toEqual([
      503,
      'QUEUE_FULL',
      '1',
    ]);
    const important = request(port, { path: '/a' });
    const displaced = await (replies[2] as Promise<Reply>);
    expect([displaced.status, displaced.headers['x-priomesh-error']]).toEqual([503, 'QUEUE_SHED']);
    expect(JSON.parse(displaced.body)).toMatchObject({ error: 'QUEUE_SHED', class: 'batch' });
    await answerAll(3);
    expect((await important).status).toBe(200);
    expect(side().classes['batch']?.['shed']).toBe(2);
  });

  it('answers a request that waited too long, and starts it no more', async () => {
    const port = await holding({ policy: testPolicy({ concurrency: 1 }, { deadlineMs: 60 }) });
    const replies = await sendInOrder(port, ['/first', '/batch/late']);
    const late = await (replies[1] as Promise<Reply>);
    expect([late.status, late.headers['x-priomesh-error']]).toEqual([503, 'QUEUE_DEADLINE']);
    await answerAll(1);
    await replies[0];
    expect(arrived).toEqual(['/first']);
    expect(side().classes['batch']?.['expired']).toBe(1);
  });

  it('takes a waiting request out when its caller goes', async () => {
    const port = await holding({ policy: testPolicy({ concurrency: 1 }) });
    const [first] = await sendInOrder(port, ['/first']);
    const socket = net.connect(port, '127.0.0.1');
    socket.write('GET /gone HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => side().queue.waiting === 1);
    socket.destroy();
    await until(() => side().queue.waiting === 0);
    await answerAll(1);
    await first;
    expect(arrived).toEqual(['/first']);
    expect(side().queue.running).toBe(0);
  });
});

describe('classes on the way', () => {
  const { socketOptions, congestionControls } = probeTransport([]);

  it.each([
    [['mark'] as const, 2],
    [['queue'] as const, 1],
  ])('share no connection where their connections differ, with %j: %i in all', async (layers, expected) => {
    const ports = new Map<string, Set<number | undefined>>();
    application = await httpApplication((incoming, response) => {
      const of = ports.get(String(incoming.headers['baggage'])) ?? new Set();
      of.add(incoming.socket.remotePort);
      ports.set(String(incoming.headers['baggage']), of);
      response.end('ok');
    });
    sidecar = await sidecarBefore(application.port, { layers: [...layers] });
    for (let round = 0; round < 10; round += 1) {
      const baggage = `priomesh.class=${round % 2 === 0 ? 'batch' : 'interactive'}`;
      await request(sidecar.outboundPort ?? 0, { headers: { host: 'service', baggage } });
    }
    expect(ports.size).toBe(2);
    const used = [...ports.values()].flatMap((own) => [...own]);
    expect(used.length).toBe(2);
    expect(new Set(used).size).toBe(socketOptions ? expected : 1);
  });

  it('find a call that the application makes by its trace id alone', async () => {
    const classes: string[] = [];
    const outer = { port: 0 };
    application = await httpApplication((incoming, response) => {
      if (incoming.url === '/inner') {
        classes.push(String(incoming.headers['baggage']));
        response.end('inner');
        return;
      }
      const { traceparent } = incoming.headers;
      void request(outer.port, {
        path: '/inner',
        headers: {
          host: 'service',
          ...(traceparent === undefined ? {} : { traceparent: String(traceparent) }),
        },
      }).then(() => response.end('outer'));
    });
    sidecar = await sidecarBefore(application.port);
    outer.port = sidecar.outboundPort ?? 0;
    await request(sidecar.inboundPort ?? 0, { path: '/batch/x' });
    await request(sidecar.inboundPort ?? 0, { path: '/x' });
    expect(classes).toEqual(['priomesh.class=batch', 'priomesh.class=interactive']);
    expect(side('outbound').reasons).toEqual({ 'trace-id': 2 });
  });

  it('have their congestion control on the response socket and on the pool', async () => {
    // Where no socket option can be set, nothing may claim that one is in force.
    const expected = socketOptions && congestionControls.includes('reno') ? 'reno' : undefined;
    application = await httpApplication((_incoming, response) => response.end('ok'));
    sidecar = await sidecarBefore(application.port, { layers: ['transport', 'mark'] });
    const socket = net.connect(sidecar.inboundPort ?? 0, '127.0.0.1');
    socket.write('GET /batch/x HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    await request(sidecar.outboundPort ?? 0, { headers: { host: 'service' } });
    if (expected === undefined) {
      expect(side().classes['batch']?.transport.congestionControl).not.toBe('reno');
    } else {
      expect(side().classes['batch']?.transport.congestionControl).toBe('reno');
      expect(side('outbound').classes['interactive']?.transport.congestionControl).toBe('reno');
    }
    socket.destroy();
  });
});
