import type { Pool } from 'undici';
import { describe, expect, it } from 'vitest';
import { type Clock, seededRandom, silentLogger } from '../../../../../src/core/index.ts';
import { classOfTrace } from '../../../../../src/sidecar/amqp/request-reply/class-of-trace.ts';
import { WorkerCounters } from '../../../../../src/sidecar/amqp/request-reply/counters.ts';
import {
  cancelOptions,
  type QueuedRequest,
  requestOptions,
} from '../../../../../src/sidecar/amqp/request-reply/message-format.ts';
import { Worker } from '../../../../../src/sidecar/amqp/request-reply/worker.ts';
import { testPolicy } from '../../../../integration/sidecar/harness.ts';
import { delivered, type FakeChannel, FakeModel } from './fake-broker.ts';

const QUEUE = 'jobs';
const REPLY_TO = 'amq.rabbitmq.reply-to.g1';
const TOKEN = 'token';

/** A call that the application has not answered yet. */
interface Call {
  readonly path: string;
  answer(status: number, headers?: readonly string[], body?: string): void;
  fail(): void;
  readonly signal: AbortSignal;
}

/** A pool whose calls are answered by the test. */
class FakePool {
  readonly calls: Call[] = [];

  request(options: { path: string; signal: AbortSignal }): Promise<unknown> {
    return new Promise((resolve, reject) => {
      options.signal.addEventListener('abort', () => reject(new Error('aborted')));
      this.calls.push({
        path: options.path,
        signal: options.signal,
        fail: () => reject(new Error('UND_ERR_SOCKET')),
        answer: (statusCode, headers = [], body = '') => {
          const stream = Object.assign([Buffer.from(body)], { dump: () => Promise.resolve() });
          resolve({ statusCode, headers, body: stream });
        },
      });
    });
  }
}

class Bench {
  /** How long was slept; nobody sleeps really. */
  readonly sleeps: number[] = [];
  readonly clock: Clock = {
    nowMs: () => 0,
    wallMs: () => 0,
    sleep: (ms) => {
      this.sleeps.push(ms);
      return Promise.resolve();
    },
  };
  readonly pool = new FakePool();
  readonly counters = new WorkerCounters(testPolicy());
  readonly lost: unknown[] = [];
  readonly worker = new Worker({
    queue: QUEUE,
    policy: testPolicy(),
    prefetch: 10,
    maxResponseBytes: 1000,
    pool: this.pool as unknown as Pool,
    ownToken: TOKEN,
    classOf: classOfTrace(testPolicy()),
    counters: this.counters,
    clock: this.clock,
    random: seededRandom(1),
    logger: silentLogger,
  });
  #tag = 0;

  async connect() {
    const model = new FakeModel();
    const session = await this.worker.begin(model.asModel(), (cause) => this.lost.push(cause));
    const channel = model.confirm;
    if (channel === undefined) throw new Error('no channel');
    return { model, channel, session };
  }

  deliver(
    channel: FakeChannel,
    id: string,
    more: Partial<QueuedRequest> = {},
    replyTo: string = REPLY_TO,
  ): number {
    this.#tag += 1;
    const request = {
      id,
      key: id,
      method: 'GET',
      target: `/${id}`,
      fields: [],
      trace: {},
      body: Buffer.alloc(0),
      ...more,
    };
    const options = { ...requestOptions(request, 1000), replyTo };
    channel.consumers.get(QUEUE)?.(delivered(options, request.body, this.#tag));
    return this.#tag;
  }

  cancel(model: FakeModel, id: string): void {
    for (const { consumers } of model.channels) consumers.get('amq.gen-1')?.(delivered(cancelOptions(id)));
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

const replies = (channel: FakeChannel) =>
  channel.to(REPLY_TO).filter(({ options }) => options.type === 'http-response');

describe('a worker', () => {
  it('acknowledges a request when the broker has confirmed its response, and not before', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    bench.deliver(channel, 'a');
    expect(channel.to(REPLY_TO).map(({ options }) => options.type)).toEqual(['http-started']);
    bench.pool.calls[0]?.answer(201, ['x-a', 'b', 'connection', 'close'], 'done');
    await turns();
    const [reply] = replies(channel);
    expect(reply?.options).toMatchObject({
      correlationId: 'a',
      headers: { status: 201, fields: '["x-a","b"]' },
    });
    expect(reply?.content.toString()).toBe('done');
    expect(channel.settled).toEqual([]);
    reply?.confirm?.(null);
    expect(channel.settled).toEqual(['ack 1']);
  });

  it('gives a request back when the broker does not take its response', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    bench.deliver(channel, 'a');
    bench.pool.calls[0]?.answer(200);
    await turns();
    replies(channel)[0]?.confirm?.(new Error('message nacked'));
    expect(channel.settled).toEqual(['nack 1 requeue']);
  });

  it('answers a request that is delivered again on the next connection with the response that it has', async () => {
    const bench = new Bench();
    const first = await bench.connect();
    bench.deliver(first.channel, 'a');
    first.session.ended();
    bench.pool.calls[0]?.answer(200, [], 'once');
    await turns();
    expect(replies(first.channel)).toEqual([]);
    const second = await bench.connect();
    bench.deliver(second.channel, 'a');
    expect(bench.pool.calls).toHaveLength(1);
    expect(replies(second.channel)[0]?.content.toString()).toBe('once');
    expect(bench.counters.classes.of(0)).toMatchObject({ executed: 1, remembered: 1 });
  });

  it('executes nothing that was cancelled, and breaks off what is', async () => {
    const bench = new Bench();
    const { channel, model } = await bench.connect();
    bench.cancel(model, 'early');
    const early = bench.deliver(channel, 'early');
    expect(bench.pool.calls).toHaveLength(0);
    const late = bench.deliver(channel, 'late');
    bench.cancel(model, 'late');
    expect(bench.pool.calls[0]?.signal.aborted).toBe(true);
    await turns();
    expect(channel.settled).toEqual([`ack ${early}`, `ack ${late}`]);
    expect(bench.counters.classes.of(0)).toMatchObject({
      cancelled: 1,
      aborted: 1,
      handedBack: 0,
      executing: 0,
    });
  });

  it('goes on with an execution for which another copy still waits', async () => {
    const bench = new Bench();
    const { channel, model } = await bench.connect();
    bench.deliver(channel, 'one', { key: 'k', target: '/same' });
    bench.deliver(channel, 'two', { key: 'k', target: '/same' });
    expect(bench.pool.calls).toHaveLength(1);
    bench.cancel(model, 'one');
    expect(bench.pool.calls[0]?.signal.aborted).toBe(false);
    bench.pool.calls[0]?.answer(200);
    await turns();
    expect(replies(channel).map(({ options }) => options.correlationId)).toEqual(['two']);
  });

  it('gives back what the application has not seen, later and later, without end', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    const headers = ['x-priomesh-own-answer', TOKEN, 'x-priomesh-error', 'CONNECT_FAILED'];
    for (let n = 0; n < 8; n += 1) {
      bench.deliver(channel, 'a');
      bench.pool.calls[n]?.answer(502, headers);
      await turns();
    }
    expect(channel.settled).toHaveLength(8);
    expect(channel.settled.every((line) => line.endsWith('requeue'))).toBe(true);
    expect(bench.sleeps[0]).toBeLessThanOrEqual(100);
    expect(bench.sleeps[7]).toBeGreaterThanOrEqual(2500);
    expect(Math.max(...bench.sleeps)).toBeLessThanOrEqual(5000);
  });

  it('gives up a request of which the application dies, after three times', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    for (let n = 0; n < 3; n += 1) {
      bench.deliver(channel, 'a');
      if (n === 1) bench.pool.calls[n]?.fail();
      else
        bench.pool.calls[n]?.answer(502, [
          'x-priomesh-own-answer',
          TOKEN,
          'x-priomesh-error',
          'UPSTREAM_RESET',
        ]);
      await turns();
    }
    expect(channel.settled).toEqual(['nack 1 requeue', 'nack 2 requeue']);
    expect(replies(channel)[0]?.options.headers).toMatchObject({ status: 502 });
  });

  it('passes on what its own sidecar decided about a request', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    bench.deliver(channel, 'a');
    bench.pool.calls[0]?.answer(503, ['x-priomesh-own-answer', TOKEN, 'x-priomesh-error', 'QUEUE_SHED']);
    await turns();
    expect(replies(channel)[0]?.options.headers).toMatchObject({
      status: 503,
      fields: '["x-priomesh-error","QUEUE_SHED"]',
    });
    expect(bench.counters.classes.of(0).executed).toBe(0);
  });

  it('lets what is no request die, and counts it', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    channel.consumers.get(QUEUE)?.(delivered({ type: 'other' }, Buffer.from('?'), 7));
    expect(channel.settled).toEqual(['nack 7 drop']);
    expect(bench.counters.malformed).toBe(1);
  });

  it('acknowledges a request whose caller wants no reply', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    bench.deliver(channel, 'a', {}, 'payments');
    bench.pool.calls[0]?.answer(200);
    await turns();
    expect(channel.published).toEqual([]);
    expect(channel.settled).toEqual(['ack 1']);
  });

  it('counts dead letters by class and cause, tells the caller, and takes them away', async () => {
    const bench = new Bench();
    const { model } = await bench.connect();
    const dead = model.channels.find(({ consumers }) => consumers.has('jobs.dead'));
    const died = (id: string, reason: string, trace: object, tag: number) =>
      dead?.consumers.get('jobs.dead')?.(
        delivered(
          {
            type: 'http-request',
            correlationId: id,
            replyTo: REPLY_TO,
            headers: { 'x-first-death-reason': reason, ...trace },
          },
          Buffer.alloc(0),
          tag,
        ),
      );
    died(
      'a',
      'expired',
      { traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`, tracestate: 'priomesh=c:batch' },
      1,
    );
    died('b', 'maxlen', {}, 2);
    died('c', 'rejected', {}, 3);
    expect(bench.counters.classes.of(1)).toMatchObject({ expired: 1 });
    expect(bench.counters.classes.of(0)).toMatchObject({ expired: 0, dropped: 1, rejected: 1 });
    expect(dead?.to(REPLY_TO).map(({ options }) => [options.type, options.correlationId])).toEqual([
      ['http-dead', 'a'],
      ['http-dead', 'b'],
      ['http-dead', 'c'],
    ]);
    expect(dead?.settled).toEqual(['ack 1', 'ack 2', 'ack 3']);
  });

  it('takes no more when it drains, and is done when what it has is confirmed', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    bench.deliver(channel, 'a');
    let drained = false;
    const draining = bench.worker.drain().then(() => {
      drained = true;
    });
    bench.deliver(channel, 'b');
    expect(channel.cancelled).toEqual([QUEUE]);
    expect(channel.settled).toEqual(['nack 2 requeue']);
    const { channel: next } = await bench.connect();
    expect(next.consumers.size).toBe(0);
    bench.pool.calls[0]?.answer(200);
    await turns();
    expect(drained).toBe(false);
    replies(channel)[0]?.confirm?.(null);
    await draining;
    expect(channel.settled).toEqual(['nack 2 requeue', 'ack 1']);
  });

  it('answers 502 for a response whose head fits into no message, and is done with it', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    bench.deliver(channel, 'a');
    bench.pool.calls[0]?.answer(200, ['x', '"'.repeat(33_000)]);
    await turns();
    expect(replies(channel)[0]?.options.headers).toMatchObject({ status: 502 });
    expect(bench.counters.tooLarge).toBe(1);
    replies(channel)[0]?.confirm?.(null);
    expect(channel.settled).toEqual(['ack 1']);
  });

  it('can be broken off while it drains, and when its connection is gone', async () => {
    const bench = new Bench();
    const { channel, session } = await bench.connect();
    bench.deliver(channel, 'executing');
    bench.deliver(channel, 'answering');
    bench.pool.calls[1]?.answer(200);
    await turns();
    const draining = bench.worker.drain();
    bench.worker.abort();
    session.ended();
    await draining;
    expect(bench.pool.calls[0]?.signal.aborted).toBe(true);
  });

  it('gives up a connection whose queue is gone or whose channel breaks', async () => {
    const bench = new Bench();
    const { channel, model } = await bench.connect();
    channel.consumers.get(QUEUE)?.(null);
    channel.emit('error', new Error('406'));
    model.channels.at(-1)?.emit('close');
    expect(bench.lost).toHaveLength(3);
  });
});
