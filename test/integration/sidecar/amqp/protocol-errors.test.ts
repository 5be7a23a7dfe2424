import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Address } from '../../../../src/config/index.ts';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { converse, type Ending, HEADER, handshake, publish } from '../../../support/amqp/raw-client.ts';
import { anyFrame, contentFrames, methodFrame, methodIdOf } from '../../../support/amqp/second-codec.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { amqpAddress, sidecarBeforeBroker } from './proxied.ts';

let rabbit: TestBroker;
const sidecars: Sidecar[] = [];
let broker: Address;

beforeAll(async () => {
  rabbit = await startTestBroker();
  broker = rabbit.broker.address;
  for (const layerOn of [false, true]) sidecars.push(await sidecarBeforeBroker(broker, { layerOn }));
});
afterAll(async () => {
  for (const sidecar of sidecars) await sidecar.close();
  await rabbit?.close();
});

const opened = (...frames: readonly Buffer[]): Buffer[] => [
  ...handshake(),
  methodFrame(1, 'ChannelOpen', {}),
  ...frames,
];

/** A method whose arguments are these bytes. */
const raw = (channel: number, name: string, bytes: string): Buffer => {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(methodIdOf(name), 0);
  return anyFrame(1, channel, Buffer.concat([id, Buffer.from(bytes, 'latin1')]));
};

const edited = (frame: Buffer, edit: (copy: Buffer) => void): Buffer => {
  const copy = Buffer.from(frame);
  edit(copy);
  return copy;
};

const QUEUE = methodFrame(1, 'QueueDeclare', { queue: 'q', exclusive: true });
const PUBLISH = methodFrame(1, 'BasicPublish', { exchange: '', routingKey: 'q' });

/** Streams that break the protocol after an orderly beginning, and the code that AMQP 0-9-1 (section 1.2) has for it. */
const BROKEN: readonly (readonly [string, readonly Buffer[], number])[] = [
  ['a frame without its end', opened(edited(QUEUE, (copy) => copy.writeUInt8(0, copy.length - 1))), 501],
  ['a frame of a type that does not exist', opened(edited(QUEUE, (copy) => copy.writeUInt8(77, 0))), 501],
  ['a frame that is larger than agreed', opened(anyFrame(3, 1, Buffer.alloc(140_000))), 501],
  [
    'a frame that claims two gigabytes',
    opened(
      edited(QUEUE, (copy) => copy.writeUInt32BE(2 ** 31, 3)),
      Buffer.alloc(9),
    ),
    501,
  ],
  ['a method without arguments', opened(raw(1, 'QueueDeclare', '')), 502],
  ['a string beyond the frame', opened(raw(1, 'QueueDeclare', '\0\0\xffq')), 502],
  ['a table beyond the frame', opened(raw(1, 'QueueDeclare', '\0\0\x01q\0\0\xff\xff\xff')), 502],
  ['a value of an unknown type', opened(raw(1, 'QueueDeclare', '\0\0\x01q\0\0\0\0\x04\x01a?x')), 502],
  ['a content without a method', opened(...contentFrames(1, Buffer.from('x'))), 505],
  ['a body without a content header', opened(PUBLISH, anyFrame(3, 1, Buffer.from('x'))), 505],
  ['a method in the middle of a content', opened(PUBLISH, QUEUE), 505],
  [
    'two content headers',
    opened(PUBLISH, ...contentFrames(1, Buffer.from('x')).slice(0, 1), ...contentFrames(1, Buffer.from('y'))),
    505,
  ],
  [
    'a method of the connection on a channel',
    opened(methodFrame(1, 'ConnectionOpen', { virtualHost: '/' })),
    503,
  ],
  ['a method of a channel on channel 0', opened(methodFrame(0, 'QueueDeclare', { queue: 'q' })), 503],
  [
    'a method of the server',
    opened(methodFrame(1, 'QueueDeclareOk', { queue: 'q', messageCount: 0, consumerCount: 0 })),
    503,
  ],
  ['a channel beyond the maximum', opened(methodFrame(5000, 'ChannelOpen', {})), 504],
  ['a channel that is not open', opened(methodFrame(2, 'QueueDeclare', { queue: 'q' })), 504],
  ['a channel that is opened twice', opened(methodFrame(1, 'ChannelOpen', {})), 504],
  ['a virtual host that does not exist', handshake({ vhost: 'nowhere' }), 530],
];

/** What RabbitMQ 3.10.8 says where it says something else: arguments that it cannot read are faults of the frame; null: it hangs up. */
const RABBITMQ: Readonly<Record<string, number | null>> = {
  'a method without arguments': 501,
  'a string beyond the frame': 501,
  'a table beyond the frame': 501,
  'a value of an unknown type': null,
  'a method of a channel on channel 0': 504,
  'a channel beyond the maximum': null,
};

/** Begins as client libraries do, a step at a time, sends the rest at once, and says goodbye in case that nothing was wrong. */
function answer(
  address: Address,
  [header, startOk, tuneOk, open, ...rest]: readonly Buffer[],
): Promise<Ending> {
  const tuned = Buffer.concat([tuneOk ?? Buffer.alloc(0), open ?? Buffer.alloc(0)]);
  const goodbye = methodFrame(0, 'ConnectionClose', {
    replyCode: 200,
    replyText: '',
    classId: 0,
    methodId: 0,
  });
  const pieces = [header ?? HEADER, startOk ?? goodbye, tuned, Buffer.concat([...rest, goodbye])];
  return converse(address, { pieces, end: false, inTurn: 3 });
}

describe('what breaks the protocol', () => {
  it.each(BROKEN)('%s', async (what, pieces, code) => {
    const own = RABBITMQ[what];
    const rabbitCode = own === null ? undefined : (own ?? code);
    const direct = await answer(broker, pieces);
    expect.soft(direct.code, 'from RabbitMQ').toBe(rabbitCode);
    const [off, on] = await Promise.all(sidecars.map((sidecar) => answer(amqpAddress(sidecar), pieces)));
    expect.soft([off?.broken, on?.broken]).toEqual([undefined, undefined]);
    // What a sidecar has no reason to read, it leaves to the broker.
    expect.soft([code, rabbitCode], 'layer off').toContain(off?.code);
    expect.soft(on?.code, 'layer on').toBe(code);
  });

  it.each([
    ['another version', Buffer.from('AMQP\x01\x01\x00\x0a', 'latin1')],
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'latin1')],
    ['nearly the right one', Buffer.from('AMQP\0\0\x09\x02', 'latin1')],
  ])('%s is answered with the version that is spoken', async (_, header) => {
    const direct = await converse(broker, { pieces: [header], end: false });
    expect(direct.received).toEqual(HEADER);
    for (const sidecar of sidecars) {
      const through = await converse(amqpAddress(sidecar), { pieces: [header], end: false });
      expect(through.received).toEqual(HEADER);
    }
  });

  it('says what was wrong, and in which method', async () => {
    const [, layerOn] = sidecars;
    if (layerOn === undefined) throw new Error('the sidecar did not start');
    const ending = await answer(amqpAddress(layerOn), opened(raw(1, 'QueueDeclare', '\0\0\xffq')));
    expect(ending.text).toMatch(/^SYNTAX_ERROR - /);
    const close = ending.frames?.find(
      ({ payload }) => payload.readUInt32BE(0) === methodIdOf('ConnectionClose'),
    );
    expect(close?.payload.subarray(-4)).toEqual(Buffer.from([0, 50, 0, 10]));
  });

  it('leaves what was published before it', async () => {
    const [, layerOn] = sidecars;
    if (layerOn === undefined) throw new Error('the sidecar did not start');
    const name = 'left-behind';
    const frames = opened(
      methodFrame(1, 'QueueDeclare', { queue: name }),
      ...publish(1, name, Buffer.from('first')),
      ...publish(1, name, Buffer.from('second')),
      edited(QUEUE, (copy) => copy.writeUInt8(0, copy.length - 1)),
    );
    expect((await answer(amqpAddress(layerOn), frames)).code).toBe(501);
    const probe = [methodFrame(1, 'QueueDelete', { queue: name })];
    const { frames: said = [] } = await answer(broker, opened(...probe));
    const deleted = said.find(({ payload }) => payload.readUInt32BE(0) === methodIdOf('QueueDeleteOk'));
    expect(deleted?.payload.readUInt32BE(4)).toBe(2);
  });
});
