import type http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { QueueSettings } from '../../../src/core/index.ts';
import type { Sidecar } from '../../../src/sidecar/index.ts';
import {
  httpApplication,
  type Reply,
  request,
  sidecarBefore,
  type TestServer,
  testPolicy,
  until,
} from './harness.ts';

interface QueueNumbers {
  readonly running: number;
  readonly waiting: number;
  readonly limit: number;
  readonly adaptive?: {
    readonly algorithm: string;
    readonly windows: number;
    readonly probes: number;
    readonly baselineMs: readonly number[];
  };
}

interface Inbound {
  readonly queue: QueueNumbers;
  readonly classes: Readonly<Record<string, { requests: number; completed: number; shed: number }>>;
  readonly answers: Readonly<Record<string, number>>;
}

let application: TestServer | undefined;
let sidecar: Sidecar | undefined;
let held: http.ServerResponse[] = [];

afterEach(async () => {
  for (const response of held) response.destroy();
  held = [];
  await sidecar?.close();
  await application?.close();
});

async function start(handler: http.RequestListener, queue: Partial<QueueSettings>): Promise<number> {
  application = await httpApplication(handler);
  sidecar = await sidecarBefore(application.port, { policy: testPolicy(queue) });
  return sidecar.inboundPort ?? 0;
}

const holding = (queue: Partial<QueueSettings>): Promise<number> =>
  start((_, response) => held.push(response), queue);

const inbound = (): Inbound => sidecar?.statistics()['inbound'] as Inbound;
const code = ({ status, headers }: Reply): unknown[] => [status, headers['x-priomesh-error']];

/** Sends a request and resolves when it stands in the queue. */
async function waiting(port: number, path: string): Promise<{ readonly reply: Promise<Reply> }> {
  const count = inbound().queue.waiting + 1;
  const reply = request(port, { path });
  await until(() => inbound().queue.waiting === count);
  return { reply };
}

/** Resolves when somebody who waits since now has waited for longer than this. */
async function longerThan(ms: number): Promise<void> {
  const sinceMs = performance.now();
  await until(() => performance.now() - sinceMs > ms);
}

describe('a queue that is slower than its target', () => {
  it('turns the least important away at once, and says when to come back', async () => {
    const port = await holding({ concurrency: 1, targetDelayMs: 30 });
    const first = request(port, { path: '/first' });
    await until(() => held.length === 1);
    const second = await waiting(port, '/batch/1');
    await longerThan(30);
    const refused = await request(port, { path: '/batch/2' });
    expect(code(refused)).toEqual([503, 'QUEUE_OVERLOAD']);
    expect(refused.headers['retry-after']).toBe('1');
    const important = await waiting(port, '/a');
    expect(inbound().classes['batch']).toMatchObject({ requests: 2, shed: 1 });
    for (let answered = 0; answered < 3; answered += 1) {
      await until(() => held.length > 0);
      held.shift()?.end('ok');
    }
    for (const reply of [first, important.reply, second.reply]) expect((await reply).status).toBe(200);
    const again = request(port, { path: '/batch/3' });
    await until(() => held.length === 1);
    held.shift()?.end('ok');
    expect((await again).status).toBe(200);
    expect(inbound().answers).toEqual({ QUEUE_OVERLOAD: 1 });
  });

  it('turns all away alike where shedding does not know classes', async () => {
    const port = await holding({ concurrency: 1, targetDelayMs: 30, mode: 'fifo', shedding: 'fifo' });
    const first = request(port, { path: '/first' });
    await until(() => held.length === 1);
    const second = await waiting(port, '/batch/1');
    await longerThan(30);
    expect(code(await request(port, { path: '/a' }))).toEqual([503, 'QUEUE_OVERLOAD']);
    expect(code(await request(port, { path: '/batch/2' }))).toEqual([503, 'QUEUE_OVERLOAD']);
    held.shift()?.end('ok');
    await until(() => held.length > 0);
    held.shift()?.end('ok');
    expect([(await first).status, (await second.reply).status]).toEqual([200, 200]);
  });
});

/** An application with so many workers and a line of its own; tells the most that it ever had. */
function workers(count: number, serviceMs: number) {
  const line: http.ServerResponse[] = [];
  const seen = { inside: 0, most: 0, served: 0 };
  let busy = 0;
  const work = (): void => {
    const next = busy < count ? line.shift() : undefined;
    if (next === undefined) return;
    busy += 1;
    setTimeout(() => {
      busy -= 1;
      seen.inside -= 1;
      seen.served += 1;
      next.end('ok');
      work();
    }, serviceMs);
  };
  const handler: http.RequestListener = (_, response) => {
    seen.inside += 1;
    seen.most = Math.max(seen.most, seen.inside);
    line.push(response);
    work();
  };
  return { handler, seen };
}

/** So many callers at once, each with so many requests one after the other. */
async function callers(count: number, each: number, port: number, path: string): Promise<Reply[]> {
  const one = async (): Promise<Reply[]> => {
    const replies: Reply[] = [];
    for (let sent = 0; sent < each; sent += 1) replies.push(await request(port, { path }));
    return replies;
  };
  return (await Promise.all(Array.from({ length: count }, one))).flat();
}

describe('an application that is asked for too much', () => {
  it('serves the important ones as if nothing were, and as many of the others as it can', async () => {
    const { handler, seen } = workers(4, 5);
    const port = await start(handler, { concurrency: 4, targetDelayMs: 20 });
    const [important, batch] = await Promise.all([
      callers(2, 40, port, '/a'),
      callers(40, 8, port, '/batch/1'),
    ]);
    expect(important.map(({ status }) => status)).toEqual(important.map(() => 200));
    const served = batch.filter(({ status }) => status === 200).length;
    const refused = batch.filter((reply) => reply.headers['x-priomesh-error'] === 'QUEUE_OVERLOAD').length;
    expect(served).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
    expect(served + refused).toBe(320);
    // What was turned away never reached it, and it never had more than it was to have.
    expect(seen).toMatchObject({ inside: 0, served: 80 + served });
    expect(seen.most).toBeLessThanOrEqual(4);
    expect(inbound().classes['interactive']).toMatchObject({ requests: 80, completed: 80, shed: 0 });
    expect(inbound().classes['batch']).toMatchObject({ requests: 320, completed: served, shed: refused });
    expect(inbound().queue).toMatchObject({ running: 0, waiting: 0, limit: 4 });
  });

  for (const adaptive of ['gradient', 'vegas'] as const) {
    it(`is given as many at once as ${adaptive} finds, and the statistics say what it found`, async () => {
      const { handler, seen } = workers(4, 5);
      const limits = { adaptive, initial: 4, min: 2, max: 32, windowMs: 20, probeIntervalMs: 10_000 };
      const port = await start(handler, { concurrency: limits });
      expect(inbound().queue.limit).toBe(2);
      const replies = await callers(48, 20, port, '/batch/1');
      expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
      const { queue } = inbound();
      expect(queue.adaptive).toMatchObject({ algorithm: adaptive });
      expect(queue.adaptive?.probes).toBeGreaterThan(0);
      expect(queue.adaptive?.windows).toBeGreaterThan(3);
      expect(queue.adaptive?.baselineMs[0]).toBe(0);
      expect(queue.adaptive?.baselineMs[1]).toBeGreaterThanOrEqual(4);
      expect(seen.most).toBeGreaterThan(2);
      expect(seen.most).toBeLessThanOrEqual(32);
    });
  }
});
