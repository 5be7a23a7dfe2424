import type { Random } from '../../../src/core/index.ts';
import { handshake } from './raw-client.ts';
import { anyFrame, contentFrames, methodFrame, methodIdOf } from './second-codec.ts';

/** Names, tables and bodies that are odd, but allowed. */
function shortText(random: Random): string {
  const texts = [
    '',
    'q',
    'amq.direct',
    'x'.repeat(255),
    'grüß',
    '\0',
    'a b c',
    '${jndi}',
    'q'.repeat(random.below(200)),
  ];
  return texts[random.below(texts.length)] ?? '';
}

function table(random: Random, depth = 0): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (let count = random.below(4); count > 0; count -= 1) {
    const values: unknown[] = [
      1,
      -(2 ** 40),
      0.5,
      true,
      null,
      shortText(random),
      Buffer.from('bytes'),
      { '!': 'timestamp', value: 1 },
      { '!': 'decimal', value: { digits: 1, places: 2 } },
      [1, 'two'],
    ];
    if (depth < 4) values.push(table(random, depth + 1), [table(random, depth + 1)]);
    made[shortText(random).slice(0, 100) || 'key'] = values[random.below(values.length)];
  }
  return made;
}

const flag = (random: Random): boolean => random.below(2) === 0;

/** The methods that a client sends on a channel, with arguments of every kind. */
const CLIENT_METHODS: Readonly<Record<string, (random: Random) => object>> = {
  ChannelOpen: () => ({}),
  ChannelFlow: (random) => ({ active: flag(random) }),
  ChannelClose: (random) => ({
    replyCode: random.below(600),
    replyText: shortText(random),
    classId: 0,
    methodId: 0,
  }),
  ChannelCloseOk: () => ({}),
  ExchangeDeclare: (random) => ({ exchange: shortText(random), type: 'direct', arguments: table(random) }),
  ExchangeDelete: (random) => ({ exchange: shortText(random), nowait: flag(random) }),
  QueueDeclare: (random) => ({
    queue: shortText(random),
    passive: flag(random),
    durable: flag(random),
    exclusive: flag(random),
    nowait: flag(random),
    arguments: table(random),
  }),
  QueueBind: (random) => ({
    queue: shortText(random),
    exchange: 'x',
    routingKey: '',
    arguments: table(random),
  }),
  QueuePurge: (random) => ({ queue: shortText(random), nowait: flag(random) }),
  QueueDelete: (random) => ({ queue: shortText(random), ifUnused: flag(random) }),
  BasicQos: (random) => ({ prefetchCount: random.below(65_536), global: flag(random) }),
  BasicConsume: (random) => ({
    queue: shortText(random),
    consumerTag: shortText(random),
    noAck: flag(random),
    nowait: flag(random),
    arguments: table(random),
  }),
  BasicCancel: (random) => ({ consumerTag: shortText(random), nowait: flag(random) }),
  BasicGet: (random) => ({ queue: shortText(random), noAck: flag(random) }),
  BasicAck: (random) => ({ deliveryTag: random.below(20), multiple: flag(random) }),
  BasicReject: (random) => ({ deliveryTag: random.below(20), requeue: flag(random) }),
  BasicNack: (random) => ({ deliveryTag: random.below(20), multiple: flag(random), requeue: flag(random) }),
  BasicRecover: (random) => ({ requeue: flag(random) }),
  TxSelect: () => ({}),
  TxCommit: () => ({}),
  TxRollback: () => ({}),
  ConfirmSelect: (random) => ({ nowait: flag(random) }),
};

/** What a server says on a channel unasked, or in answer to something. */
const SERVER_METHODS: Readonly<Record<string, (random: Random) => object>> = {
  ChannelOpenOk: () => ({}),
  ChannelClose: (random) => ({ replyCode: 404, replyText: shortText(random), classId: 50, methodId: 10 }),
  ChannelCloseOk: () => ({}),
  QueueDeclareOk: (random) => ({ queue: shortText(random), messageCount: random.below(9), consumerCount: 0 }),
  QueueDeleteOk: () => ({ messageCount: 0 }),
  BasicQosOk: () => ({}),
  BasicConsumeOk: (random) => ({ consumerTag: shortText(random) }),
  BasicCancelOk: (random) => ({ consumerTag: shortText(random) }),
  BasicCancel: (random) => ({ consumerTag: shortText(random), nowait: true }),
  BasicGetEmpty: () => ({}),
  BasicRecoverOk: () => ({}),
  BasicAck: (random) => ({ deliveryTag: random.below(20), multiple: flag(random) }),
  BasicNack: (random) => ({ deliveryTag: random.below(20), multiple: flag(random), requeue: false }),
  ConfirmSelectOk: () => ({}),
  TxCommitOk: () => ({}),
};

function message(random: Random, channel: number, method: string, fields: object): Buffer[] {
  const sizes = [0, 1, 100, 4000, 70_000];
  const body = Buffer.alloc(sizes[random.below(sizes.length)] ?? 0, 'b');
  const properties = {
    headers: table(random),
    priority: random.below(256),
    expiration: shortText(random),
    correlationId: shortText(random),
    deliveryMode: random.below(4),
  };
  const frameMax = flag(random) ? 131_072 : 4096;
  return [methodFrame(channel, method, fields), ...contentFrames(channel, body, properties, frameMax)];
}

function someMethod(
  random: Random,
  channel: number,
  methods: Readonly<Record<string, (random: Random) => object>>,
): Buffer {
  const names = Object.keys(methods);
  const name = names[random.below(names.length)] ?? 'ChannelOpen';
  return methodFrame(channel, name, methods[name]?.(random) ?? {});
}

const HEARTBEAT = anyFrame(8, 0, Buffer.alloc(0));

/** A session as a client could send it: mostly sensible, with whatever arguments; the first elements are the handshake. */
export function clientSession(random: Random): Buffer[] {
  const frames = handshake(random.below(4) === 0 ? { frameMax: 4096 } : {});
  for (let channel = 1; channel <= 3; channel += 1) frames.push(methodFrame(channel, 'ChannelOpen', {}));
  for (let count = 4 + random.below(16); count > 0; count -= 1) {
    const channel = 1 + random.below(4);
    const kind = random.below(10);
    if (kind === 0) frames.push(HEARTBEAT);
    else if (kind < 4) {
      const target = { exchange: shortText(random), routingKey: shortText(random), mandatory: flag(random) };
      frames.push(...message(random, channel, 'BasicPublish', target));
    } else frames.push(someMethod(random, channel, CLIENT_METHODS));
  }
  const close = { replyCode: 200, replyText: 'bye', classId: 0, methodId: 0 };
  if (flag(random)) frames.push(methodFrame(0, 'ConnectionClose', close));
  return frames;
}

/** What a server says first, up to an open connection. */
export function serverHandshake(): Buffer[] {
  return [
    methodFrame(0, 'ConnectionStart', { serverProperties: { product: 'RabbitMQ', version: '3.10.8' } }),
    methodFrame(0, 'ConnectionTune', { channelMax: 2047, frameMax: 131_072, heartbeat: 0 }),
    methodFrame(0, 'ConnectionOpenOk', {}),
  ];
}

/** What a server could say to a client whatever it asked. */
export function serverSession(random: Random): Buffer[] {
  const frames = serverHandshake();
  for (let count = 4 + random.below(16); count > 0; count -= 1) {
    const channel = 1 + random.below(4);
    const kind = random.below(10);
    if (kind === 0) frames.push(HEARTBEAT);
    else if (kind < 4) {
      const fields = {
        consumerTag: shortText(random),
        deliveryTag: random.below(20),
        redelivered: flag(random),
        exchange: '',
        routingKey: 'k',
        messageCount: 1,
        replyCode: 312,
        replyText: 'NO_ROUTE',
      };
      const method = ['BasicDeliver', 'BasicGetOk', 'BasicReturn'][random.below(3)] ?? 'BasicDeliver';
      frames.push(...message(random, channel, method, fields));
    } else frames.push(someMethod(random, channel, SERVER_METHODS));
  }
  return frames;
}

const EVERY_METHOD = [...Object.keys(CLIENT_METHODS), ...Object.keys(SERVER_METHODS)];

/** A well framed method whose arguments are noise, or that is cut off in the middle of them. */
function oddMethod(random: Random): Buffer {
  const name = EVERY_METHOD[random.below(EVERY_METHOD.length)] ?? 'ChannelOpen';
  const noise = Buffer.alloc(4 + random.below(60));
  for (let index = 0; index < noise.length; index += 1) noise[index] = random.below(256);
  if (random.below(8) > 0) noise.writeUInt32BE(methodIdOf(name), 0);
  return anyFrame(
    1,
    random.below(5),
    noise.subarray(0, random.below(8) === 0 ? random.below(4) : noise.length),
  );
}

/** Tables in tables, deeper than anybody needs. */
function deepTable(random: Random): Buffer {
  let inner = Buffer.from([0, 0, 0, 0]);
  for (let depth = 10 + random.below(3000); depth > 0; depth -= 1) {
    const head = Buffer.alloc(7);
    head.writeUInt32BE(inner.length + 3, 0);
    head.write('\x01aF', 4, 'latin1');
    inner = Buffer.concat([head, inner]);
  }
  const fixed = Buffer.alloc(4 + 2 + 2 + 1);
  fixed.writeUInt32BE(methodIdOf('QueueDeclare'), 0);
  fixed.write('\x01q', 6, 'latin1');
  return anyFrame(1, 1, Buffer.concat([fixed, inner]));
}

/** A content header with flags, sizes and properties that are noise. */
function oddHeader(random: Random): Buffer {
  const payload = Buffer.alloc(random.below(8) === 0 ? random.below(14) : 14 + random.below(80));
  for (let index = 0; index < payload.length; index += 1) payload[index] = random.below(256);
  if (random.below(4) > 0 && payload.length >= 14) {
    payload.writeUInt16BE(60, 0);
    payload.writeUInt16BE(0, 2);
    const sizes = [0n, 5n, 2n ** 63n, 2n ** 64n - 1n];
    payload.writeBigUInt64BE(sizes[random.below(sizes.length)] ?? 0n, 4);
  }
  return anyFrame(2, 1 + random.below(3), payload);
}

function spliced<T>(list: readonly T[], at: number, remove: number, ...items: readonly T[]): T[] {
  return [...list.slice(0, at), ...items, ...list.slice(at + remove)];
}

/** One change of a session, of its frames or of the bytes in one. */
type Mutation = (frames: readonly Buffer[], at: number, random: Random) => Buffer[];

function changed(frame: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(frame);
  change(copy);
  return copy;
}

/** Frames that are well framed, and do not belong. */
const MISPLACED: readonly Mutation[] = [
  (frames, at) => spliced(frames, at, 1),
  (frames, at) => spliced(frames, at, 0, frames[at] as Buffer),
  (frames, at) => spliced(frames, at, 2, ...frames.slice(at, at + 2).reverse()),
  (frames, at, random) => spliced(frames, at, 0, oddMethod(random)),
  (frames, at, random) => spliced(frames, at, 0, oddHeader(random)),
  (frames, at, random) => spliced(frames, at, 0, deepTable(random)),
  (frames, at, random) =>
    spliced(frames, at, 0, anyFrame(3, random.below(4), Buffer.alloc(random.below(100)))),
  (frames, at, random) =>
    spliced(frames, at, 0, Buffer.from(`GET / HTTP/1.1\r\nHost: ${'x'.repeat(random.below(99))}\r\n\r\n`)),
];

/** Bytes that are not frames any more, or other frames. */
const GARBLED: readonly Mutation[] = [
  // Type, channel, size, end.
  (frames, at, random) =>
    spliced(
      frames,
      at,
      1,
      changed(frames[at] as Buffer, (copy) => copy.writeUInt8(random.below(12), 0)),
    ),
  (frames, at, random) =>
    spliced(
      frames,
      at,
      1,
      changed(frames[at] as Buffer, (copy) => copy.writeUInt16BE(random.below(65_536), 1)),
    ),
  (frames, at, random) =>
    spliced(
      frames,
      at,
      1,
      changed(frames[at] as Buffer, (copy) => {
        const sizes = [0, 1, copy.length, 131_065, 2 ** 31, 2 ** 32 - 1, random.below(300)];
        copy.writeUInt32BE(sizes[random.below(sizes.length)] ?? 0, 3);
      }),
    ),
  (frames, at, random) =>
    spliced(
      frames,
      at,
      1,
      changed(frames[at] as Buffer, (copy) => copy.writeUInt8(random.below(256), copy.length - 1)),
    ),
  // Bytes anywhere.
  (frames, at, random) =>
    spliced(
      frames,
      at,
      1,
      changed(frames[at] as Buffer, (copy) => {
        for (let flips = 1 + random.below(4); flips > 0; flips -= 1) {
          const where = random.below(copy.length);
          copy[where] = (copy[where] ?? 0) ^ (1 << random.below(8));
        }
      }),
    ),
  (frames, at, random) => {
    const frame = frames[at] as Buffer;
    return spliced(frames, at, 1, frame.subarray(0, random.below(frame.length)));
  },
  (frames, at, random) => {
    const frame = frames[at] as Buffer;
    const where = random.below(frame.length);
    const noise = Buffer.from(Array.from({ length: 1 + random.below(8) }, () => random.below(256)));
    return spliced(frames, at, 1, Buffer.concat([frame.subarray(0, where), noise, frame.subarray(where)]));
  },
];

/** Changes a session in some places; half of the changes spare the handshake, so that they are met in the middle of something. */
export function mutated(frames: readonly Buffer[], random: Random): Buffer {
  let changing = [...frames];
  for (let count = random.below(4); count > 0; count -= 1) {
    const from = flag(random) ? Math.min(4, changing.length - 1) : 0;
    const at = from + random.below(changing.length - from);
    const mutations = flag(random) ? MISPLACED : GARBLED;
    const mutation = mutations[random.below(mutations.length)];
    if (mutation === undefined || (changing[at]?.length ?? 0) < 8) continue;
    changing = mutation(changing, at, random);
    if (changing.length === 0) changing = [Buffer.from('?')];
  }
  const bytes = Buffer.concat(changing);
  return random.below(5) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes;
}

/** Cuts bytes into a few writes. */
export function cut(bytes: Buffer, random: Random): Buffer[] {
  const places = Array.from({ length: random.below(4) }, () => random.below(bytes.length + 1)).sort(
    (a, b) => a - b,
  );
  const pieces: Buffer[] = [];
  let from = 0;
  for (const place of [...places, bytes.length]) {
    if (place > from) pieces.push(bytes.subarray(from, place));
    from = place;
  }
  return pieces;
}
