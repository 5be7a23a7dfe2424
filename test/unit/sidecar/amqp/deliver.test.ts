import { describe, expect, it } from 'vitest';
import { Id } from '../../../../src/propagation/index.ts';
import { encodeMethod, FRAME, heartbeatFrame, tableOf } from '../../../../src/sidecar/amqp/protocol/index.ts';
import {
  amqpPolicy,
  argsOf,
  classHeaders,
  content,
  framesOf,
  namesOf,
  SessionPair,
} from './session-harness.ts';

const consume = (tag = 'c', more: Record<string, boolean> = {}, queue = 'q'): Buffer =>
  encodeMethod(1, 'basic.consume', { queue, consumerTag: tag, ...more });
const consumeOk = (tag = 'c'): Buffer => encodeMethod(1, 'basic.consume-ok', { consumerTag: tag });
const qosOk = encodeMethod(1, 'basic.qos-ok', {});
const deliver = (
  deliveryTag: number,
  of = 'normal',
  body: string | Buffer = `m${deliveryTag}`,
  tag = 'c',
): Buffer =>
  content(1, 'basic.deliver', { consumerTag: tag, deliveryTag, routingKey: 'q' }, body, classHeaders(of));
const ack = (deliveryTag: number, multiple = false): Buffer =>
  encodeMethod(1, 'basic.ack', { deliveryTag, multiple });
const bodies = (bytes: Buffer): string[] =>
  framesOf(bytes)
    .filter(({ type }) => type === FRAME.body)
    .map(({ payload }) => payload.toString());
const tags = (bytes: Buffer): (number | bigint)[] =>
  argsOf(bytes, 'basic.deliver').map(({ deliveryTag }) => deliveryTag);

/** A pair with one governed consumer, whose window is what a governor begins with. */
function governed(policy = amqpPolicy(), limits = {}): SessionPair {
  const pair = new SessionPair(policy, true, limits).open();
  pair.fromClient(consume());
  pair.fromBroker(consumeOk());
  pair.toBroker();
  return pair;
}

const windowOf = (pair: SessionPair): number => {
  const [consumer] = [...pair.session.governed()];
  return Number(consumer?.['clientWindow']);
};

/** Lets the broker send messages until the client has no more room. @returns the next tag of the broker */
function fill(pair: SessionPair, of = 'batch'): number {
  let tag = 1;
  while (pair.fromBroker(deliver(tag, of)).length > 0) tag += 1;
  return tag + 1;
}

describe('a governed consumer', () => {
  it('begins behind a bound for each consumer where the kind of its queue is not known', () => {
    const pair = new SessionPair().open();
    const left = pair.fromClient(consume());
    expect(namesOf(left)).toEqual(['basic.qos', 'basic.consume', 'basic.qos']);
    const [each, all] = argsOf(left, 'basic.qos');
    // As far as it may go for a client that acknowledges late: it cannot be raised while the consumer runs.
    expect(each).toEqual({
      prefetchSize: 0,
      prefetchCount: 16 + pair.context.limits.maxAmqpReach,
      global: false,
    });
    expect(all?.global).toBe(true);
    expect(all?.prefetchCount).toBeGreaterThan(0);
  });

  it('begins behind the bound for the channel where its queue is a classic one for certain', () => {
    const pair = new SessionPair().open();
    pair.context.queues.learn('/', 'q', 'prioritized');
    const left = pair.fromClient(consume());
    // RabbitMQ lets the bound for each consumer take away the one for the channel, so that one comes last.
    expect(namesOf(left)).toEqual(['basic.qos', 'basic.qos', 'basic.consume']);
    const [each, all] = argsOf(left, 'basic.qos');
    expect(each?.global).toBe(false);
    expect(all?.global).toBe(true);
    expect(all?.prefetchCount).toBeLessThan(16);
  });

  it('does not let the client take its bound for the channel away with a bound for each consumer', () => {
    const pair = governed();
    const [told] = argsOf(pair.fromClient(encodeMethod(1, 'basic.qos', { prefetchCount: 4 })), 'basic.qos');
    expect(told?.global).toBe(true);
    expect(told?.prefetchCount).toBeGreaterThan(0);
    // Two were asked for by the proxy, before the client's own.
    expect(pair.fromBroker(Buffer.concat([qosOk, qosOk]))).toHaveLength(0);
    expect(namesOf(pair.fromBroker(qosOk))).toEqual(['basic.qos-ok']);
  });

  it('takes the bound for the channel away before another consumer of a queue of unknown kind, and sets it again', () => {
    const pair = governed();
    const left = pair.fromClient(consume('d', {}, 'other'));
    expect(namesOf(left)).toEqual(['basic.qos', 'basic.consume', 'basic.qos']);
    const [none, all] = argsOf(left, 'basic.qos');
    expect(none).toEqual({ prefetchSize: 0, prefetchCount: 0, global: true });
    expect(all?.global).toBe(true);
    expect(all?.prefetchCount).toBeGreaterThan(1);
  });

  it('leaves the bounds as they are for another consumer of a classic queue', () => {
    const pair = new SessionPair().open();
    pair.fromClient(encodeMethod(1, 'basic.qos', { prefetchCount: 1, global: true }));
    pair.fromClient(consume());
    pair.context.queues.learn('/', 'known', 'prioritized');
    const left = argsOf(pair.fromClient(consume('d', {}, 'known')), 'basic.qos');
    expect(left).toEqual([]);
    // For one of unknown kind the bound for the channel goes away and comes back.
    const unknown = argsOf(pair.fromClient(consume('e', {}, 'unknown')), 'basic.qos');
    expect(unknown.map(({ prefetchCount }) => prefetchCount)).toEqual([0, 1]);
  });

  it('is fetched for beyond what counts at the broker: other unsettled messages, and those of an open transaction', () => {
    const pair = new SessionPair().open();
    pair.context.queues.learn('/', 'q', 'prioritized');
    pair.fromClient(encodeMethod(1, 'tx.select', {}));
    pair.fromClient(encodeMethod(1, 'basic.get', { queue: 'x' }));
    pair.fromBroker(content(1, 'basic.get-ok', { deliveryTag: 1 }, 'got'));
    const wanted = (): number => Number([...pair.session.governed()][0]?.['brokerWindow']);
    const told = (bytes: Buffer): number | undefined =>
      argsOf(bytes, 'basic.qos').findLast(({ global }) => global)?.prefetchCount;
    const first = told(pair.fromClient(consume()));
    pair.fromBroker(Buffer.concat([qosOk, qosOk, consumeOk()]));
    expect(first).toBe(wanted() + 1);
    pair.fromBroker(deliver(2));
    pair.toBroker();
    expect(told(pair.fromClient(ack(2)))).toBe(wanted() + 2);
    expect(told(pair.fromClient(encodeMethod(1, 'tx.commit', {})))).toBe(wanted() + 1);
  });

  it('is governed without a bound for the channel by a broker that has forbidden it', () => {
    const pair = governed();
    pair.fromBroker(
      encodeMethod(0, 'connection.close', {
        replyCode: 540,
        replyText: 'global_qos',
        classId: 60,
        methodId: 10,
      }),
    );
    const next = new SessionPair(amqpPolicy(), true, {}, pair.context.queues).open();
    const left = next.fromClient(consume());
    expect(argsOf(left, 'basic.qos')).toMatchObject([{ prefetchCount: 16, global: false }]);
    next.fromBroker(Buffer.concat([qosOk, consumeOk()]));
    fill(next);
    expect(next.session.heldBytes).toBeGreaterThan(0);
    expect(argsOf(next.fromClient(ack(1)), 'basic.qos')).toEqual([]);
  });

  it('learns from a refused consumer that its queue is not what it was thought to be', () => {
    const pair = new SessionPair().open();
    pair.context.queues.learn('/', 'q', 'prioritized');
    pair.fromClient(consume());
    pair.fromBroker(
      encodeMethod(0, 'connection.close', { replyCode: 540, replyText: 'x', classId: 60, methodId: 20 }),
    );
    expect(pair.context.queues.kindOf('/', 'q')).toBeUndefined();
  });

  it('gets no answers but its own', () => {
    const pair = new SessionPair().open();
    pair.fromClient(consume());
    expect(pair.fromBroker(qosOk)).toHaveLength(0);
    expect(namesOf(pair.fromBroker(consumeOk()))).toEqual(['basic.consume-ok']);
    expect(pair.fromBroker(qosOk)).toHaveLength(0);
    pair.fromClient(encodeMethod(1, 'basic.qos', { prefetchCount: 3 }));
    expect(namesOf(pair.fromBroker(qosOk))).toEqual(['basic.qos-ok']);
  });

  it('keeps its own bound: the client is given no more than it asked for', () => {
    const pair = new SessionPair().open();
    pair.fromClient(encodeMethod(1, 'basic.qos', { prefetchCount: 2 }));
    pair.fromClient(consume());
    pair.fromBroker(Buffer.concat([qosOk, consumeOk(), qosOk]));
    let given = 0;
    for (let tag = 1; tag <= 10; tag += 1) given += tags(pair.fromBroker(deliver(tag))).length;
    expect(given).toBeLessThanOrEqual(2);
    expect(given).toBeGreaterThan(0);
  });

  it('keeps a bound for the channel that the client asks for later', () => {
    const pair = governed();
    const left = pair.fromClient(encodeMethod(1, 'basic.qos', { prefetchCount: 1, global: true }));
    // The broker is told what the governors need; the client is given one at a time.
    expect(argsOf(left, 'basic.qos')).toHaveLength(1);
    let given = 0;
    for (let tag = 1; tag <= 10; tag += 1) given += tags(pair.fromBroker(deliver(tag))).length;
    expect(given).toBe(1);
  });

  it('is given messages by class, with tags in the order in which it is given them', () => {
    const pair = governed();
    const next = fill(pair);
    const window = windowOf(pair);
    pair.fromBroker(Buffer.concat([deliver(next, 'normal'), deliver(next + 1, 'interactive')]));
    const given: Buffer[] = [];
    const settled: number[] = [];
    for (let tag = 1; tag <= next + 1; tag += 1) {
      settled.push(
        ...argsOf(pair.fromClient(ack(tag)), 'basic.ack').map(({ deliveryTag }) => Number(deliveryTag)),
      );
      given.push(pair.toClient());
    }
    // First what the client had, then by class; the first batch message that was held comes last.
    const order = [...Array.from({ length: window }, (_, index) => index + 1), next + 1, next, next - 1];
    expect(bodies(Buffer.concat(given))).toEqual(order.slice(window).map((tag) => `m${tag}`));
    expect(tags(Buffer.concat(given))).toEqual([window + 1, window + 2, window + 3]);
    // What the client settles is what the broker calls by its own tag.
    expect(settled).toEqual(order);
  });

  it('settles several at once as the client saw them', () => {
    const pair = governed();
    const next = fill(pair);
    const window = windowOf(pair);
    pair.fromBroker(deliver(next, 'interactive'));
    pair.toBroker();
    pair.fromClient(ack(1));
    pair.toClient();
    pair.toBroker();
    const left = pair.fromClient(ack(window + 1, true));
    const settled = argsOf(left, 'basic.ack').flatMap(({ deliveryTag, multiple }) =>
      multiple ? Array.from({ length: Number(deliveryTag) }, (_, index) => index + 1) : [Number(deliveryTag)],
    );
    // All that was given out: 2 .. window by the broker's tags, and the interactive one; not the one that is held (window + 1).
    const expected = [...Array.from({ length: window - 1 }, (_, index) => index + 2), next];
    expect(settled.filter((tag) => tag !== 1).sort((a, b) => a - b)).toEqual(expected);
  });

  it('has what is held for it given back when it is cancelled', () => {
    const pair = governed();
    const next = fill(pair);
    pair.fromBroker(deliver(next));
    pair.fromClient(encodeMethod(1, 'basic.cancel', { consumerTag: 'c' }));
    expect(namesOf(pair.fromBroker(encodeMethod(1, 'basic.cancel-ok', { consumerTag: 'c' })))).toEqual([
      'basic.cancel-ok',
    ]);
    const left = pair.toBroker();
    expect(argsOf(left, 'basic.nack').map(({ deliveryTag, requeue }) => [deliveryTag, requeue])).toEqual(
      [next - 1, next]
        .map((tag) => [tag, true])
        .sort((a, b) => Number(b[0] === next) - Number(a[0] === next)),
    );
    // Nobody is governed any more: the bound goes.
    expect(argsOf(left, 'basic.qos')).toMatchObject([{ prefetchCount: 0, global: true }]);
    expect(pair.session.heldBytes).toBe(0);
  });

  it('gets what is held for it when the broker cancels it, before it is told so', () => {
    const pair = governed();
    const next = fill(pair);
    pair.fromBroker(deliver(next));
    const left = pair.fromBroker(encodeMethod(1, 'basic.cancel', { consumerTag: 'c', noWait: true }));
    expect(bodies(left)).toHaveLength(2);
    expect(namesOf(left).at(-1)).toBe('basic.cancel');
    expect(pair.session.heldBytes).toBe(0);
  });

  it('forgets all when the broker takes all back', () => {
    const pair = governed();
    const next = fill(pair);
    pair.fromClient(encodeMethod(1, 'basic.recover', { requeue: true }));
    expect(namesOf(pair.fromBroker(encodeMethod(1, 'basic.recover-ok', {})))).toEqual(['basic.recover-ok']);
    expect(pair.session.heldBytes).toBe(0);
    expect(bodies(pair.fromBroker(deliver(next)))).toEqual([`m${next}`]);
  });

  it('has back what a transaction settled that was rolled back', () => {
    const pair = governed();
    pair.fromClient(encodeMethod(1, 'tx.select', {}));
    pair.fromBroker(deliver(1));
    pair.fromClient(ack(1));
    expect(pair.counters.classes[1]?.acked).toBe(0);
    pair.fromClient(encodeMethod(1, 'tx.rollback', {}));
    expect(argsOf(pair.fromClient(ack(1)), 'basic.ack')).toMatchObject([{ deliveryTag: 1 }]);
    pair.fromClient(encodeMethod(1, 'tx.commit', {}));
    expect(pair.counters.classes[1]?.acked).toBe(1);
    expect(pair.faults).toEqual([]);
  });

  it('is told of a tag that it made up as the broker would', () => {
    const pair = governed();
    const [sent] = argsOf(pair.fromClient(ack(77)), 'basic.ack');
    const replyText = `PRECONDITION_FAILED - unknown delivery tag ${String(sent?.deliveryTag)}`;
    const left = pair.fromBroker(encodeMethod(1, 'channel.close', { replyCode: 406, replyText }));
    expect(argsOf(left, 'channel.close')[0]?.replyText).toBe('PRECONDITION_FAILED - unknown delivery tag 77');
  });

  it('gets a message that is too large to hold at once, and before it those that it must not overtake', () => {
    const pair = governed(amqpPolicy({ maxPrefetch: 64 }));
    const next = fill(pair, 'normal');
    const window = windowOf(pair);
    pair.fromBroker(Buffer.concat([deliver(next, 'batch'), deliver(next + 1, 'normal')]));
    const large = deliver(next + 2, 'normal', Buffer.alloc(400_000, 7));
    const left = pair.fromBroker(large);
    // The batch message stays held: it had not come before it in any case.
    expect(bodies(left).slice(0, 2)).toEqual([`m${next - 1}`, `m${next + 1}`]);
    expect(tags(left)).toEqual([window + 1, window + 2, window + 3]);
    expect(bodies(left).slice(2).join('')).toHaveLength(400_000);
    expect(pair.session.heldBytes).toBeGreaterThan(0);
  });

  it('gets nothing in the middle of another content', () => {
    const pair = governed();
    const next = fill(pair);
    pair.fromClient(encodeMethod(1, 'basic.get', { queue: 'x' }));
    const large = content(1, 'basic.get-ok', { deliveryTag: next }, Buffer.alloc(400_000, 7));
    const half = pair.fromBroker(large.subarray(0, 250_000));
    expect(namesOf(half).slice(0, 2)).toEqual(['basic.get-ok', 'header']);
    // There is room now, but the client is in the middle of a content.
    pair.fromClient(ack(1));
    expect(pair.toClient()).toHaveLength(0);
    const names = namesOf(pair.fromBroker(large.subarray(250_000)));
    const first = names.indexOf('basic.deliver');
    expect(first).toBeGreaterThan(0);
    expect(names.slice(0, first).every((name) => name === 'body')).toBe(true);
  });

  it('gets messages beyond its room when too much would be held', () => {
    const pair = governed(amqpPolicy(), { maxAmqpHeldBytes: 65_536 });
    const big = Buffer.alloc(30_000, 1);
    let given = 0;
    for (let tag = 1; tag <= 8; tag += 1) given += tags(pair.fromBroker(deliver(tag, 'batch', big))).length;
    expect(pair.session.heldBytes).toBeLessThanOrEqual(65_536);
    expect(pair.counters.limits.maxAmqpHeldBytes).toBeGreaterThan(0);
    expect(given).toBeGreaterThan(windowOf(pair));
  });

  it('shares its tags with answers to basic.get', () => {
    const pair = governed();
    const next = fill(pair);
    const window = windowOf(pair);
    pair.fromClient(encodeMethod(1, 'basic.get', { queue: 'x' }));
    const got = pair.fromBroker(content(1, 'basic.get-ok', { deliveryTag: next }, 'got'));
    expect(argsOf(got, 'basic.get-ok')[0]?.deliveryTag).toBe(window + 1);
    expect(argsOf(pair.fromClient(ack(window + 1)), 'basic.ack')[0]?.deliveryTag).toBe(next);
  });

  it('begins on a channel that had deliveries before without changing their tags', () => {
    const pair = new SessionPair().open();
    for (const tag of [1, 2, 3]) {
      pair.fromClient(encodeMethod(1, 'basic.get', { queue: 'x', noAck: tag === 2 }));
      pair.fromBroker(content(1, 'basic.get-ok', { deliveryTag: tag }, 'got'));
    }
    pair.fromClient(consume());
    pair.fromBroker(consumeOk());
    expect(tags(pair.fromBroker(deliver(4)))).toEqual([4]);
    expect(argsOf(pair.fromClient(ack(3)), 'basic.ack')[0]?.deliveryTag).toBe(3);
    expect(argsOf(pair.fromClient(ack(1)), 'basic.ack')[0]?.deliveryTag).toBe(1);
    expect(argsOf(pair.fromClient(ack(2)), 'basic.ack')[0]?.deliveryTag).toBeGreaterThan(1000);
  });

  it('never has a method of the proxy put into a content that its client is publishing', () => {
    const pair = governed();
    fill(pair);
    pair.fromBroker(qosOk);
    pair.toBroker();
    const message = content(1, 'basic.publish', { routingKey: 'k' }, Buffer.alloc(3000), {}, 1, 1000);
    const cut = message.length - 900;
    const first = pair.fromClient(message.subarray(0, cut));
    pair.fromBroker(encodeMethod(1, 'basic.cancel-ok', { consumerTag: 'c' }));
    expect(pair.toBroker()).toHaveLength(0);
    const second = pair.fromClient(message.subarray(cut));
    const names = namesOf(Buffer.concat([first, second]));
    expect(names.slice(0, 5)).toEqual(['basic.publish', 'header', 'body', 'body', 'body']);
    expect(names.slice(5)).toContain('basic.nack');
  });

  it('hands its class on while it is unsettled', () => {
    const pair = governed();
    const trace = '0af7651916cd43dd8448eb211c80319c';
    pair.fromBroker(deliver(1, 'batch'));
    expect(pair.table.byTraceId(Id.of(trace), pair.clock.nowMs())).toBe(2);
    pair.fromClient(ack(1));
    expect(pair.table.byTraceId(Id.of(trace), pair.clock.nowMs())).toBe(-1);
    pair.fromBroker(deliver(2, 'batch'));
    expect(pair.table.byTraceId(Id.of(trace), pair.clock.nowMs())).toBe(2);
    pair.fromClient(encodeMethod(1, 'channel.close', {}));
    expect(pair.table.byTraceId(Id.of(trace), pair.clock.nowMs())).toBe(-1);
    expect(pair.session.heldBytes).toBe(0);
  });

  it('is watched: what is delivered and how it is settled', () => {
    const pair = governed();
    pair.told.length = 0;
    pair.fromBroker(deliver(1, 'batch'));
    pair.clock.ms += 25;
    pair.fromClient(encodeMethod(1, 'basic.reject', { deliveryTag: 1, requeue: true }));
    expect(pair.told).toMatchObject([
      { action: 'deliver', classIndex: 2, queue: 'q', routingKey: 'q', outcome: 'unsettled' },
      { action: 'settle', classIndex: 2, queue: 'q', outcome: 'requeued', tookMs: 25 },
    ]);
    expect(pair.counters.classes[2]).toMatchObject({ delivered: 1, acked: 0, requeued: 1 });
  });

  it('does not take a broker for dead whose messages are held', () => {
    const pair = new SessionPair().open();
    pair.fromClient(encodeMethod(1, 'basic.qos', { prefetchCount: 1 }));
    pair.fromClient(consume());
    pair.fromBroker(Buffer.concat([qosOk, consumeOk(), qosOk, deliver(1)]));
    expect(pair.fromBroker(deliver(2))).toHaveLength(0);
    pair.clock.ms += 40_000;
    pair.wheel.advance();
    expect(pair.toClient()).toEqual(heartbeatFrame);
    expect(pair.fromBroker(deliver(3))).toHaveLength(0);
  });
});

describe('a consumer that is not governed', () => {
  it.each([
    ['that settles nothing', amqpPolicy(), consume('c', { noAck: true }), 'noAck'],
    ['whose client chooses', amqpPolicy({ prefetch: 'client' }), consume(), 'client'],
    [
      'of a stream',
      amqpPolicy(),
      encodeMethod(1, 'basic.consume', {
        queue: 's',
        consumerTag: 'c',
        arguments: tableOf({ 'x-stream-offset': 'first' }),
      }),
      'client',
    ],
  ])('passes as it is: one %s', (_, policy, bytes, kind) => {
    const pair = new SessionPair(policy).open();
    expect(pair.fromClient(bytes)).toEqual(bytes);
    pair.fromBroker(consumeOk());
    const message = deliver(1, 'batch', Buffer.alloc(10_000));
    expect(pair.fromBroker(message)).toEqual(message);
    expect(pair.counters.consumers).toMatchObject({ governed: 0, [kind]: 1 });
    expect(pair.counters.classes[2]?.delivered).toBe(1);
  });

  it('gets the fixed prefetch of the policy, whatever the client asks for', () => {
    const pair = new SessionPair(amqpPolicy({ prefetch: 10 })).open();
    const left = pair.fromClient(consume());
    expect(argsOf(left, 'basic.qos')).toEqual([{ prefetchSize: 0, prefetchCount: 10, global: false }]);
    expect(pair.fromBroker(qosOk)).toHaveLength(0);
    const asked = pair.fromClient(encodeMethod(1, 'basic.qos', { prefetchCount: 3 }));
    expect(argsOf(asked, 'basic.qos')).toEqual([{ prefetchSize: 0, prefetchCount: 10, global: false }]);
    expect(namesOf(pair.fromBroker(qosOk))).toEqual(['basic.qos-ok']);
    const all = pair.fromClient(encodeMethod(1, 'basic.qos', { prefetchCount: 3, global: true }));
    expect(argsOf(all, 'basic.qos')[0]?.prefetchCount).toBe(0);
  });

  it('gets no bound where the policy wants none', () => {
    const pair = new SessionPair(amqpPolicy({ prefetch: 'unlimited' })).open();
    const asked = pair.fromClient(encodeMethod(1, 'basic.qos', { prefetchCount: 3 }));
    expect(argsOf(asked, 'basic.qos')[0]?.prefetchCount).toBe(0);
    expect(namesOf(pair.fromClient(consume()))).toEqual(['basic.consume']);
  });

  it('has its settlements passed as they are, and counted', () => {
    const pair = new SessionPair(amqpPolicy({ prefetch: 'client' })).open();
    pair.fromClient(consume());
    pair.fromBroker(consumeOk());
    for (const tag of [1, 2, 3, 4]) pair.fromBroker(deliver(tag, 'batch'));
    expect(pair.fromClient(ack(2, true))).toEqual(ack(2, true));
    const nack = encodeMethod(1, 'basic.nack', { deliveryTag: 0, multiple: true });
    expect(pair.fromClient(nack)).toEqual(nack);
    expect(pair.counters.classes[2]).toMatchObject({ delivered: 4, acked: 2, rejected: 2 });
  });

  it('passes everything unchanged while the layer is off', () => {
    const pair = new SessionPair(amqpPolicy(), false).open();
    for (const bytes of [consume(), encodeMethod(1, 'basic.qos', { prefetchCount: 5, global: true })]) {
      expect(pair.fromClient(bytes)).toEqual(bytes);
    }
    expect(namesOf(pair.fromBroker(Buffer.concat([consumeOk(), qosOk])))).toHaveLength(2);
    expect(pair.fromBroker(deliver(1))).toEqual(deliver(1));
    expect(pair.counters.classes[1]?.delivered).toBe(1);
  });
});
