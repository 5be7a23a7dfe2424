import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Id } from '../../../../src/propagation/index.ts';
import {
  ContentHeader,
  encodeFrame,
  encodeMethod,
  FRAME,
  heartbeatFrame,
  plainOf,
  tableOf,
} from '../../../../src/sidecar/amqp/protocol/index.ts';
import { arrive } from '../fake-socket.ts';
import {
  amqpPolicy,
  argsOf,
  classHeaders,
  content,
  contentHeader,
  framesOf,
  namesOf,
  SessionPair,
} from './session-harness.ts';

describe('the handshake', () => {
  it('offers the client one channel less, and tells the broker of one more', () => {
    const pair = new SessionPair();
    const [offered] = argsOf(
      pair.fromBroker(encodeMethod(0, 'connection.tune', { channelMax: 2047, frameMax: 4096, heartbeat: 7 })),
      'connection.tune',
    );
    expect(offered).toEqual({ channelMax: 2046, frameMax: 4096, heartbeat: 7 });
    const [told] = argsOf(
      pair.fromClient(
        encodeMethod(0, 'connection.tune-ok', { channelMax: 100, frameMax: 4096, heartbeat: 7 }),
      ),
      'connection.tune-ok',
    );
    expect(told).toEqual({ channelMax: 101, frameMax: 4096, heartbeat: 7 });
    expect(pair.session.handshake.facts).toMatchObject({
      channelMax: 100,
      ownChannel: 101,
      frameMaxBytes: 4096,
    });
  });

  it('offers a frame size where the broker has no limit', () => {
    const pair = new SessionPair();
    const [offered] = argsOf(
      pair.fromBroker(encodeMethod(0, 'connection.tune', { channelMax: 0, frameMax: 0, heartbeat: 0 })),
      'connection.tune',
    );
    expect(offered).toEqual({ channelMax: 65_534, frameMax: 1_048_576, heartbeat: 0 });
  });

  it('leaves a broker that has one channel its channel', () => {
    const pair = new SessionPair();
    const tune = encodeMethod(0, 'connection.tune', { channelMax: 1, frameMax: 4096, heartbeat: 0 });
    expect(argsOf(pair.fromBroker(tune), 'connection.tune')[0]?.channelMax).toBe(1);
    const tuneOk = encodeMethod(0, 'connection.tune-ok', { channelMax: 1, frameMax: 4096, heartbeat: 0 });
    expect(pair.fromClient(tuneOk)).toEqual(tuneOk);
    expect(pair.session.handshake.facts.ownChannel).toBe(0);
  });

  it('passes credentials and client properties byte for byte', () => {
    const pair = new SessionPair();
    const startOk = encodeMethod(0, 'connection.start-ok', {
      clientProperties: tableOf({ product: 'x', capabilities: { publisher_confirms: true } }),
      mechanism: 'PLAIN',
      response: '\0user\0secret',
      locale: 'en_US',
    });
    expect(pair.fromClient(startOk)).toEqual(startOk);
    expect(JSON.stringify(pair.session.handshake)).not.toContain('secret');
  });
});

/** Frames that need no edit, of a channel and of the connection. */
const plainFrames = fc.array(
  fc.oneof(
    fc.constant(heartbeatFrame),
    fc.constant(encodeMethod(1, 'exchange.declare', { exchange: 'e', type: 'topic' })),
    fc.constant(encodeMethod(1, 'queue.bind', { queue: 'q', exchange: 'e', routingKey: '#' })),
    fc.constant(encodeMethod(1, 'confirm.select', {})),
    fc
      .uint8Array({ maxLength: 3000 })
      .map((body) => content(1, 'basic.publish', { routingKey: 'q' }, Buffer.from(body), {}, 3, 700)),
  ),
  { maxLength: 12 },
);

describe('frames that need no edit', () => {
  it('pass as the bytes that they are, however the stream is cut', () => {
    fc.assert(
      fc.property(
        plainFrames,
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }),
        (frames, cuts) => {
          const pair = new SessionPair(amqpPolicy(), false).open();
          const bytes = Buffer.concat(frames);
          const left: Buffer[] = [];
          let at = 0;
          for (let index = 0; at < bytes.length; index += 1) {
            const size = cuts[index % cuts.length] ?? 1;
            left.push(pair.fromClient(bytes.subarray(at, at + size)));
            at += size;
          }
          expect(Buffer.concat(left)).toEqual(bytes);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('leave in one write when one read brought them', () => {
    const pair = new SessionPair().open();
    const bytes = Buffer.concat([
      encodeMethod(1, 'queue.bind', { queue: 'q', exchange: 'e' }),
      heartbeatFrame,
      encodeMethod(1, 'queue.unbind', { queue: 'q', exchange: 'e' }),
    ]);
    pair.brokerSocket.written.length = 0;
    pair.fromBroker(heartbeatFrame);
    const before = pair.brokerSocket.written.length;
    pair.client.input.bytes.set(bytes, pair.client.input.end);
    expect(before).toBe(0);
    pair.client.input.end += bytes.length;
    pair.session.onClientBytes();
    expect(pair.brokerSocket.written).toEqual([bytes]);
  });

  it('pass whole when they are larger than a read', () => {
    const pair = new SessionPair(amqpPolicy(), false).open({}, 1_000_000);
    const bytes = content(1, 'basic.publish', { routingKey: 'q' }, Buffer.alloc(900_000, 5), {}, 1, 450_000);
    expect(pair.fromClient(bytes)).toEqual(bytes);
  });

  it('stop the sender while the other end takes nothing, and lose nothing', () => {
    const pair = new SessionPair(amqpPolicy(), false).open();
    const bytes = content(1, 'basic.publish', { routingKey: 'q' }, Buffer.alloc(400_000, 9), {}, 1, 60_000);
    pair.brokerSocket.taking = false;
    const left: Buffer[] = [];
    let sent = 0;
    let stops = 0;
    while (sent < bytes.length) {
      sent += arrive(pair.client, pair.clientSocket, bytes.subarray(sent));
      left.push(...pair.brokerSocket.written.map((one) => Buffer.from(one)));
      pair.brokerSocket.written.length = 0;
      if (!pair.clientSocket.paused) continue;
      stops += 1;
      pair.brokerSocket.flush();
      expect(pair.clientSocket.paused).toBe(false);
    }
    expect(stops).toBeGreaterThan(2);
    expect(Buffer.concat(left).equals(bytes)).toBe(true);
  });
});

describe('a message that is published', () => {
  const edited = (pair: SessionPair, bytes: Buffer): ContentHeader => {
    const header = framesOf(pair.fromClient(bytes)).find(({ type }) => type === FRAME.header);
    if (header === undefined) throw new Error('no header left');
    return ContentHeader.read(header.payload, 0, header.payload.length);
  };

  it('gets the priority and the carriers of the class that its headers name', () => {
    const pair = new SessionPair().open();
    const header = edited(pair, content(1, 'basic.publish', {}, 'body', classHeaders('batch')));
    expect(header.priority).toBe(1);
    expect(header.header('tracestate')).toBe('priomesh=c:batch');
    expect(header.header('baggage')).toBe('priomesh.class=batch');
    expect(header.header('traceparent')).toBe(classHeaders('batch')['traceparent']);
    expect(header.header('x-priomesh-published-ms')).toBe(1000);
    expect(pair.counters.classes[2]).toMatchObject({ published: 1, publishedBytes: 4 });
    expect(pair.told).toMatchObject([{ action: 'publish', classIndex: 2, reason: 'wire', priority: 1 }]);
  });

  it('keeps its body, its method and the order of frames', () => {
    const pair = new SessionPair().open();
    const bytes = content(1, 'basic.publish', { exchange: 'e', routingKey: 'k' }, 'abcdef', { a: 'b' }, 2, 2);
    const before = framesOf(bytes);
    const after = framesOf(pair.fromClient(bytes));
    expect(after.map(({ type }) => type)).toEqual(before.map(({ type }) => type));
    expect(after[0]?.bytes).toEqual(before[0]?.bytes);
    expect(after.slice(2).map(({ bytes: one }) => one)).toEqual(before.slice(2).map(({ bytes: one }) => one));
  });

  it('starts a trace where it brings none, and is of the default class', () => {
    const pair = new SessionPair().open();
    const header = edited(pair, content(1, 'basic.publish', {}, 'x'));
    expect(header.priority).toBe(5);
    expect(header.header('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
    expect(header.header('x-request-id')).toBeUndefined();
    expect(header.header('priority')).toBeUndefined();
    expect(Object.fromEntries(pair.counters.publishReasons)).toEqual({ default: 1 });
  });

  it('keeps a priority of its own when only the default speaks for another', () => {
    const pair = new SessionPair().open();
    expect(edited(pair, content(1, 'basic.publish', {}, 'x', {}, 7)).priority).toBe(7);
    expect(edited(pair, content(1, 'basic.publish', {}, 'x', classHeaders('batch'), 7)).priority).toBe(1);
    expect(pair.counters).toMatchObject({ prioritiesKept: 1, prioritiesSet: 1 });
  });

  it('has the class of the request whose trace it belongs to', () => {
    const pair = new SessionPair().open();
    pair.table.register(Id.of('0af7651916cd43dd8448eb211c80319c'), Id.of(''), 0, pair.clock.nowMs());
    const { traceparent = '' } = classHeaders('batch');
    expect(edited(pair, content(1, 'basic.publish', {}, 'x', { traceparent })).priority).toBe(9);
    expect(Object.fromEntries(pair.counters.publishReasons)).toEqual({ 'trace-id': 1 });
  });

  it('has the class that its connection names, where nothing else speaks', () => {
    const pair = new SessionPair().open({ 'priomesh-class': 'batch' });
    expect(edited(pair, content(1, 'basic.publish', {}, 'x')).priority).toBe(1);
    expect(edited(pair, content(1, 'basic.publish', {}, 'x', classHeaders('interactive'))).priority).toBe(9);
    expect(Object.fromEntries(pair.counters.publishReasons)).toEqual({ connection: 1, wire: 1 });
  });

  it('goes without additions where they would make its header larger than a frame may be', () => {
    const pair = new SessionPair().open({}, 4096);
    const filler = { filler: 'x'.repeat(3950) };
    const header = edited(pair, content(1, 'basic.publish', {}, 'x', filler));
    expect(header.priority).toBe(5);
    expect(header.header('tracestate')).toBeUndefined();
    expect(pair.counters.additionsLeftOut).toBe(1);
  });

  it('has an empty body as well as a large one', () => {
    const pair = new SessionPair().open();
    expect(namesOf(pair.fromClient(content(1, 'basic.publish', {}, '')))).toEqual([
      'basic.publish',
      'header',
    ]);
    expect(namesOf(pair.fromClient(encodeMethod(1, 'confirm.select', {})))).toEqual(['confirm.select']);
  });

  it('passes unchanged while the layer is off, and is counted', () => {
    const pair = new SessionPair(amqpPolicy(), false).open();
    const bytes = content(1, 'basic.publish', {}, 'x', classHeaders('batch'));
    expect(pair.fromClient(bytes)).toEqual(bytes);
    expect(pair.counters.classes[2]?.published).toBe(1);
  });
});

describe('a queue that is declared', () => {
  const declare = (queue: string, args: Record<string, string | number> = {}, passive = false): Buffer =>
    encodeMethod(1, 'queue.declare', { queue, durable: true, passive, arguments: tableOf(args) });
  const OWN = 2047;

  it('is tried on the own channel first, and becomes a priority queue; the client waits meanwhile', () => {
    const pair = new SessionPair().open();
    const after = encodeMethod(1, 'queue.bind', { queue: 'jobs', exchange: 'e' });
    expect(framesOf(pair.fromClient(Buffer.concat([declare('jobs'), after])))).toMatchObject([
      { channel: OWN, method: { name: 'channel.open' } },
    ]);
    expect(pair.clientSocket.paused).toBe(true);
    expect(pair.fromBroker(encodeMethod(OWN, 'channel.open-ok', {}))).toHaveLength(0);
    const [trial] = framesOf(pair.toBroker());
    expect(trial).toMatchObject({ channel: OWN, method: { name: 'queue.declare' } });
    expect(
      pair.fromBroker(encodeMethod(OWN, 'queue.declare-ok', { queue: 'jobs', messageCount: 0 })),
    ).toHaveLength(0);
    const left = pair.toBroker();
    expect(namesOf(left)).toEqual(['queue.declare', 'queue.bind']);
    expect(framesOf(left)[0]?.channel).toBe(1);
    expect(plainOf(argsOf(left, 'queue.declare')[0]?.arguments ?? [])).toEqual({ 'x-max-priority': 9 });
    expect(pair.clientSocket.paused).toBe(false);
    expect(pair.counters.declares).toEqual({ prioritized: 1, kept: 0, passed: 0 });
    expect(pair.context.queues.kindOf('/', 'jobs')).toBe('prioritized');
  });

  it('stays as the client wrote it when the broker refuses, also the next time', () => {
    const pair = new SessionPair().open();
    const refuse = encodeMethod(OWN, 'channel.close', {
      replyCode: 406,
      replyText: 'PRECONDITION_FAILED - x',
    });
    for (const _ of [1, 2]) {
      pair.fromClient(declare('old'));
      pair.fromBroker(encodeMethod(OWN, 'channel.open-ok', {}));
      pair.toBroker();
      expect(pair.fromBroker(refuse)).toHaveLength(0);
      const left = pair.toBroker();
      expect(namesOf(left)).toEqual(['channel.close-ok', 'queue.declare']);
      expect(framesOf(left)[1]?.bytes).toEqual(declare('old'));
    }
    expect(pair.counters.declares.kept).toBe(2);
    expect(pair.context.queues.kindOf('/', 'old')).toBe('otherwise');
  });

  it('uses the own channel again without opening it', () => {
    const pair = new SessionPair().open();
    pair.fromClient(declare('a'));
    pair.fromBroker(encodeMethod(OWN, 'channel.open-ok', {}));
    pair.fromBroker(encodeMethod(OWN, 'queue.declare-ok', {}));
    pair.toBroker();
    expect(namesOf(pair.fromClient(declare('b')))).toEqual(['queue.declare']);
  });

  it.each([
    ['only asked for', declare('q', {}, true), 0],
    ['named by the broker', declare(''), 1],
    ['a quorum queue', declare('q', { 'x-queue-type': 'quorum' }), 1],
    ['a stream', declare('q', { 'x-queue-type': 'stream' }), 1],
    ['a priority queue already', declare('q', { 'x-max-priority': 3 }), 1],
  ])('passes untouched when it is %s', (_, bytes, passed) => {
    const pair = new SessionPair().open();
    expect(pair.fromClient(bytes)).toEqual(bytes);
    expect(pair.counters.declares).toEqual({ prioritized: 0, kept: 0, passed });
  });

  it('passes untouched while the layer is off', () => {
    const pair = new SessionPair(amqpPolicy(), false).open();
    expect(pair.fromClient(declare('q'))).toEqual(declare('q'));
  });

  it('holds no more than a read of what the client sends on', () => {
    const pair = new SessionPair().open();
    pair.fromClient(Buffer.concat([declare('jobs'), content(1, 'basic.publish', {}, Buffer.alloc(500_000))]));
    expect(pair.client.input.length).toBeLessThan(200_000);
  });
});

describe('what breaks the protocol', () => {
  const bodyOf = (bytes: number): Buffer => encodeFrame(FRAME.body, 1, Buffer.alloc(bytes));
  it.each<[string, Buffer, number]>([
    ['a frame of no type', Buffer.from([9, 0, 1, 0, 0, 0, 0, 0xce]), 501],
    ['a frame without its end', Buffer.from([8, 0, 0, 0, 0, 0, 0, 0]), 501],
    ['a frame that is too large', Buffer.from([1, 0, 1, 0x7f, 0, 0, 0]), 501],
    ['a method that is too short', encodeFrame(FRAME.method, 1, Buffer.from([0, 60])), 502],
    ['arguments that end too early', encodeFrame(FRAME.method, 1, Buffer.from([0, 60, 0, 20, 0, 0, 9])), 502],
    ['a settlement that is too short', encodeFrame(FRAME.method, 1, Buffer.from([0, 60, 0, 80, 0, 0])), 502],
    ['a method of the broker', encodeMethod(1, 'basic.deliver', {}), 503],
    ['a channel method on channel 0', encodeMethod(0, 'channel.open', {}), 503],
    ['a connection method on a channel', encodeMethod(1, 'connection.open', {}), 503],
    ['the own channel', encodeMethod(2047, 'channel.open', {}), 504],
    ['a body that nothing has announced', bodyOf(3), 505],
    ['a header that nothing has announced', contentHeader(1, 3), 505],
    ['content on channel 0', encodeFrame(FRAME.body, 0, Buffer.alloc(1)), 505],
    [
      'a method in the middle of a content',
      Buffer.concat([encodeMethod(1, 'basic.publish', {}), encodeMethod(1, 'basic.get', {})]),
      505,
    ],
    [
      'a body that is too long',
      Buffer.concat([encodeMethod(1, 'basic.publish', {}), contentHeader(1, 2), bodyOf(3)]),
      505,
    ],
    [
      'a message header that is cut off',
      Buffer.concat([
        encodeMethod(1, 'basic.publish', {}),
        encodeFrame(
          FRAME.header,
          1,
          Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 0, 0, 0, 0, 99, 1]),
        ),
      ]),
      502,
    ],
  ])('is answered by its code: %s', (_, bytes, code) => {
    const pair = new SessionPair().open();
    const good = encodeMethod(1, 'confirm.select', {});
    const left = pair.fromClient(Buffer.concat([good, bytes, good]));
    expect(pair.faults).toMatchObject([{ end: 'client', fault: { replyCode: code } }]);
    // What came before was sound and is on its way; nothing after it is.
    expect(namesOf(left).filter((name) => name === 'confirm.select')).toHaveLength(1);
    pair.fromClient(good);
    expect(pair.faults).toHaveLength(1);
  });

  it('is told of the broker, too', () => {
    const pair = new SessionPair().open();
    pair.fromBroker(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(pair.faults).toMatchObject([{ end: 'broker', fault: { replyCode: 501 } }]);
  });

  it('never throws and never grows, whatever bytes come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 20 }),
        fc.boolean(),
        (pieces, byClient) => {
          const pair = new SessionPair().open();
          for (const piece of pieces) {
            if (byClient) pair.fromClient(Buffer.from(piece));
            else pair.fromBroker(Buffer.from(piece));
          }
          expect(pair.faults.length).toBeLessThanOrEqual(1);
          expect(pair.client.input.bytes.length + pair.broker.input.bytes.length).toBeLessThan(600_000);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('never throws when sound frames are damaged', () => {
    const sound = Buffer.concat([
      encodeMethod(1, 'basic.qos', { prefetchCount: 3 }),
      encodeMethod(1, 'basic.consume', { queue: 'q', consumerTag: 'c' }),
      content(1, 'basic.publish', { routingKey: 'k' }, 'body', classHeaders('batch')),
      encodeMethod(1, 'basic.ack', { deliveryTag: 1, multiple: true }),
    ]);
    fc.assert(
      fc.property(fc.nat(sound.length - 1), fc.nat(255), fc.nat(sound.length), (at, value, end) => {
        const pair = new SessionPair().open();
        const damaged = Buffer.from(sound);
        damaged[at] = value;
        pair.fromClient(damaged.subarray(0, Math.max(1, end)));
        expect(pair.faults.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });
});
