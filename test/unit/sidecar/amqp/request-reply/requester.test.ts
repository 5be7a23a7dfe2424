import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../../src/core/index.ts';
import { GatewayCounters } from '../../../../../src/sidecar/amqp/request-reply/counters.ts';
import {
  deadOptions,
  type QueuedRequest,
  responseOptions,
  startedOptions,
} from '../../../../../src/sidecar/amqp/request-reply/message-format.ts';
import type { Outcome } from '../../../../../src/sidecar/amqp/request-reply/outstanding.ts';
import { Requester } from '../../../../../src/sidecar/amqp/request-reply/requester.ts';
import { TimerWheel } from '../../../../../src/sidecar/io/index.ts';
import { testPolicy } from '../../../../integration/sidecar/harness.ts';
import { HeldClock } from '../../held-clock.ts';
import { delivered, type FakeChannel, FakeModel } from './fake-broker.ts';

const QUEUE = 'jobs';

function queued(id: string, more: Partial<QueuedRequest> = {}): QueuedRequest {
  return {
    id,
    key: `key-${id}`,
    method: 'GET',
    target: '/',
    fields: [],
    trace: {},
    body: Buffer.from(id),
    ...more,
  };
}

/** A requester with a clock that stands still, and what its requests were answered. */
class Bench {
  readonly clock = new HeldClock();
  readonly wheel = new TimerWheel(this.clock);
  readonly counters = new GatewayCounters(testPolicy());
  readonly outcomes = new Map<string, Outcome>();
  readonly lost: unknown[] = [];
  readonly requester: Requester;

  constructor(maxOutstandingRequests = 10) {
    this.requester = new Requester({
      queues: [QUEUE],
      classes: 2,
      maxOutstandingRequests,
      responseTimeoutMs: 5000,
      counters: this.counters,
      clock: this.clock,
      wheel: this.wheel,
      logger: silentLogger,
    });
  }

  async connect() {
    const model = new FakeModel();
    const session = await this.requester.begin(model.asModel(), (cause) => this.lost.push(cause));
    const channel = model.confirm;
    if (channel === undefined) throw new Error('no channel');
    return { model, channel, session };
  }

  admit(id: string, classIndex = 0, deadlineMs = 1000) {
    return this.requester.admit({
      classIndex,
      queue: QUEUE,
      deadlineMs,
      answered: (outcome) => this.outcomes.set(id, outcome),
    });
  }

  send(id: string, classIndex = 0, deadlineMs = 1000, more: Partial<QueuedRequest> = {}) {
    const ticket = this.admit(id, classIndex, deadlineMs);
    if (ticket === undefined) throw new Error('refused');
    this.requester.send(ticket, queued(id, more));
    return ticket;
  }

  pass(ms: number): void {
    this.clock.ms += ms;
    this.wheel.advance();
  }

  reply(channel: FakeChannel, id: string, status = 200): void {
    const response = { status, fields: [], body: Buffer.from(`re ${id}`) };
    const take = channel.consumers.get('amq.rabbitmq.reply-to');
    take?.(delivered(responseOptions(id, response, {}), response.body));
  }

  started(channel: FakeChannel, id: string): void {
    channel.consumers.get('amq.rabbitmq.reply-to')?.(delivered(startedOptions(id, {})));
  }
}

describe('a requester', () => {
  it('publishes a request and hands over its response', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    bench.send('a');
    expect(channel.to(QUEUE).map(({ options }) => options.correlationId)).toEqual(['a']);
    bench.reply(channel, 'a', 201);
    expect(bench.outcomes.get('a')).toMatchObject({ status: 201, body: Buffer.from('re a') });
    expect(bench.requester.statistics()).toMatchObject({ outstanding: 0, outstandingBytes: 0 });
  });

  it('holds requests while there is no broker, and publishes the important ones first', async () => {
    const bench = new Bench();
    bench.send('b1', 1);
    bench.send('i1', 0);
    bench.send('b2', 1);
    bench.send('i2', 0);
    const { channel } = await bench.connect();
    expect(channel.to(QUEUE).map(({ options }) => options.correlationId)).toEqual(['i1', 'i2', 'b1', 'b2']);
  });

  it('says what is left of the deadline', async () => {
    const bench = new Bench();
    bench.send('a', 0, 1000);
    bench.pass(400);
    const { channel } = await bench.connect();
    expect(channel.to(QUEUE)[0]?.options.expiration).toBe('600');
  });

  it('answers 503 when the broker stays away until the deadline', () => {
    const bench = new Bench();
    bench.send('a', 0, 1000);
    bench.pass(990);
    expect(bench.outcomes.size).toBe(0);
    bench.pass(40);
    expect(bench.outcomes.get('a')).toBe('BROKER_AWAY');
    expect(bench.counters.classes.of(0).brokerAway).toBe(1);
  });

  it('answers 504 at the deadline, and tells the workers', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    bench.send('a', 1, 1000);
    bench.pass(1040);
    expect(bench.outcomes.get('a')).toBe('BROKER_DEADLINE');
    expect(channel.to('jobs.cancel').map(({ options }) => options.correlationId)).toEqual(['a']);
    expect(bench.counters.classes.of(1).expired).toBe(1);
    bench.reply(channel, 'a');
    expect(bench.counters.lateReplies).toBe(1);
  });

  it('answers 504 when a worker has found the request dead of its age, and 503 when it died otherwise', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    bench.send('old', 1);
    bench.send('unwanted', 1);
    const take = channel.consumers.get('amq.rabbitmq.reply-to');
    take?.(delivered(deadOptions('old', 'expired', {})));
    take?.(delivered(deadOptions('unwanted', 'maxlen', {})));
    expect(bench.outcomes.get('old')).toBe('BROKER_DEADLINE');
    expect(bench.outcomes.get('unwanted')).toBe('BROKER_DROPPED');
    expect(bench.counters.classes.of(1)).toMatchObject({ expired: 1, undeliverable: 1, responses: 0 });
  });

  it('counts the deadline for waiting only: a started request has the time that a response may take', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    bench.send('a', 0, 1000);
    bench.pass(900);
    bench.started(channel, 'a');
    bench.pass(4900);
    expect(bench.outcomes.size).toBe(0);
    bench.pass(140);
    expect(bench.outcomes.get('a')).toBe('BROKER_TIMEOUT');
    expect(channel.to('jobs.cancel')).toHaveLength(1);
  });

  it('publishes what was not answered once more on the next connection, under the same ids', async () => {
    const bench = new Bench();
    const first = await bench.connect();
    bench.send('confirmed');
    bench.send('unconfirmed');
    bench.send('answered');
    bench.send('started', 0, 1000);
    first.channel.to(QUEUE)[0]?.confirm?.(null);
    bench.reply(first.channel, 'answered');
    bench.started(first.channel, 'started');
    bench.pass(500);
    first.session.ended();
    bench.send('new');
    const second = await bench.connect();
    const again = second.channel
      .to(QUEUE)
      .map(({ options }) => [options.correlationId, options.messageId, options.expiration]);
    expect(again).toEqual([
      ['new', 'key-new', '1000'],
      ['confirmed', 'key-confirmed', '500'],
      ['unconfirmed', 'key-unconfirmed', '500'],
      ['started', 'key-started', '1000'],
    ]);
    expect(bench.counters.classes.of(0)).toMatchObject({ published: 8, republished: 3, confirmed: 1 });
  });

  it('does not take words of a connection that has ended', async () => {
    const bench = new Bench();
    const first = await bench.connect();
    bench.send('a');
    first.session.ended();
    bench.reply(first.channel, 'a');
    expect(bench.outcomes.size).toBe(0);
    // A confirm that fails because the connection is gone says nothing about the request.
    first.channel.to(QUEUE)[0]?.confirm?.(new Error('channel closed'));
    expect(bench.outcomes.size).toBe(0);
  });

  it('answers 503 for what the broker refuses or cannot route', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    bench.send('refused');
    bench.send('returned');
    channel.to(QUEUE)[0]?.confirm?.(new Error('message nacked'));
    channel.emit('return', delivered({ correlationId: 'returned' }));
    expect(bench.outcomes.get('refused')).toBe('BROKER_REFUSED');
    expect(bench.outcomes.get('returned')).toBe('BROKER_NO_QUEUE');
    expect(bench.counters.classes.of(0).undeliverable).toBe(2);
  });

  it('does not take a lost connection for a refusal', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    bench.send('a');
    channel.emit('close');
    expect(bench.outcomes.size).toBe(0);
    const next = await bench.connect();
    expect(next.channel.to(QUEUE)).toHaveLength(1);
  });

  it('waits while the connection takes no more, and while the broker has raised an alarm', async () => {
    const bench = new Bench();
    const { channel, model } = await bench.connect();
    channel.writable = false;
    bench.send('a');
    bench.send('b');
    expect(channel.to(QUEUE)).toHaveLength(1);
    channel.writable = true;
    channel.emit('drain');
    expect(channel.to(QUEUE)).toHaveLength(2);
    model.emit('blocked', 'memory');
    bench.send('c');
    expect(channel.to(QUEUE)).toHaveLength(2);
    model.emit('unblocked');
    expect(channel.to(QUEUE)).toHaveLength(3);
  });

  it('keeps a request whose channel closes in the moment in which it is published', async () => {
    const bench = new Bench();
    const { channel, session } = await bench.connect();
    channel.closed = true;
    bench.send('a');
    session.ended();
    const next = await bench.connect();
    expect(next.channel.to(QUEUE)).toHaveLength(1);
    expect(bench.counters.classes.of(0)).toMatchObject({ published: 1, republished: 0 });
  });

  it('forgets a request whose caller is gone, and tells the workers if they may have it', async () => {
    const bench = new Bench();
    const waiting = bench.send('waiting');
    bench.requester.abandon(waiting);
    const { channel } = await bench.connect();
    expect(channel.published).toEqual([]);
    const published = bench.send('published');
    bench.requester.abandon(published);
    bench.requester.abandon(published);
    expect(channel.to('jobs.cancel').map(({ options }) => options.correlationId)).toEqual(['published']);
    expect(bench.counters.classes.of(0)).toMatchObject({ cancelled: 2, outstanding: 0 });
    expect(bench.outcomes.size).toBe(0);
  });

  it('is bounded in number: the important take the place of the youngest unimportant that has not started', async () => {
    const bench = new Bench(3);
    const { channel } = await bench.connect();
    bench.send('b1', 1);
    bench.send('b2', 1);
    bench.send('b3', 1);
    bench.started(channel, 'b3');
    expect(bench.admit('b4', 1)).toBeUndefined();
    bench.send('i1', 0);
    expect(bench.outcomes.get('b2')).toBe('BROKER_SHED');
    bench.send('i2', 0);
    expect(bench.outcomes.get('b1')).toBe('BROKER_SHED');
    // What is being executed is not given up.
    expect(bench.admit('i3', 0)).toBeUndefined();
    expect(bench.counters.classes.of(1)).toMatchObject({ refused: 1, shed: 2 });
    expect(bench.requester.statistics()).toMatchObject({ outstanding: 3 });
  });

  it('is bounded in bytes', () => {
    const bench = new Bench();
    const ticket = bench.admit('a');
    if (ticket === undefined) throw new Error('refused');
    const mebibyte = 1024 * 1024;
    expect(bench.requester.hold(ticket, 63 * mebibyte)).toBe(true);
    expect(bench.requester.hold(ticket, mebibyte + 1)).toBe(false);
    expect(bench.requester.hold(ticket, mebibyte)).toBe(true);
    bench.requester.withdraw(ticket);
    expect(bench.requester.statistics()).toMatchObject({ outstanding: 0, outstandingBytes: 0 });
  });

  it('answers 431 for properties that fit into no frame of this broker', async () => {
    const bench = new Bench();
    const large = { fields: ['x', 'y'.repeat(125_000)] };
    expect(bench.requester.fits(queued('a', large))).toBe(false);
    const { channel } = await bench.connect();
    bench.send('a', 0, 1000, large);
    expect(bench.outcomes.get('a')).toBe('FIELDS_TOO_LARGE');
    expect(channel.published).toEqual([]);
  });

  it('answers 431 for fields that the client library cannot write', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    bench.send('a', 0, 1000, { fields: ['x', '"'.repeat(33_000)] });
    expect(bench.outcomes.get('a')).toBe('FIELDS_TOO_LARGE');
    expect(channel.published).toEqual([]);
  });

  it('answers everybody when it closes, and takes nobody in', async () => {
    const bench = new Bench();
    await bench.connect();
    bench.send('a');
    bench.requester.close();
    expect(bench.outcomes.get('a')).toBe('BROKER_AWAY');
    expect(bench.admit('b')).toBeUndefined();
  });

  it('gives up a connection whose channel or reply address is lost', async () => {
    const bench = new Bench();
    const { channel } = await bench.connect();
    channel.emit('error', new Error('404'));
    channel.consumers.get('amq.rabbitmq.reply-to')?.(null);
    expect(bench.lost).toHaveLength(2);
  });
});
