import type { ConsumeMessage, Options } from 'amqplib';
import {
  channelEnd,
  confirmed,
  consume,
  failure,
  mustGet,
  patterned,
  type Scenario,
  seen,
} from './scenario.ts';

const text = (value: string | number): Buffer => Buffer.from(String(value));

async function fill(
  channel: { sendToQueue(queue: string, body: Buffer): boolean; waitForConfirms(): Promise<void> },
  queue: string,
  count: number,
): Promise<void> {
  for (let index = 0; index < count; index += 1) channel.sendToQueue(queue, text(index));
  await channel.waitForConfirms();
}

const bodies = (messages: readonly ConsumeMessage[]): string =>
  messages.map(({ content }) => content).join(' ');

/** What messages go through: published, delivered, got, confirmed, returned, settled. */
export const MESSAGE_SCENARIOS: readonly Scenario[] = [
  {
    name: 'every property and every kind of header comes out as it went in',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('properties');
      const publishAndGet = async (body: string, options: Options.Publish): Promise<void> => {
        say('published', await confirmed(channel, '', 'properties', text(body), options));
        say('got', seen(await mustGet(channel, 'properties', { noAck: true })));
      };
      await publishAndGet('plain', {});
      await publishAndGet('all', {
        contentType: 'text/plain',
        contentEncoding: 'identity',
        headers: {
          text: 'grüß',
          yes: true,
          no: false,
          small: -7,
          large: 2 ** 40,
          exact: Number.MAX_SAFE_INTEGER,
          fraction: 0.1,
          nothing: null,
          list: [1, 'two', [3], { four: 4 }],
          table: { of: { tables: [] } },
          bytes: Buffer.from([0, 255, 206]),
          moment: { '!': 'timestamp', value: 1_700_000_000 },
          decimal: { '!': 'decimal', value: { digits: 314, places: 2 } },
          float: { '!': 'float', value: 0.5 },
          int8: { '!': 'int8', value: -3 },
          int16: { '!': 'int16', value: 300 },
          int32: { '!': 'int32', value: 70_000 },
          int64: { '!': 'int64', value: 5 },
        },
        deliveryMode: 2,
        priority: 3,
        correlationId: 'correlation',
        replyTo: 'reply',
        expiration: '600000',
        messageId: 'message',
        timestamp: 1_700_000_001,
        type: 'kind',
        userId: 'guest',
        appId: 'application',
      });
      await publishAndGet('empty table', { headers: {} });
    },
  },
  {
    name: 'a consumer gets all in order and acknowledges each',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('in-order');
      await fill(channel, 'in-order', 100);
      const { inbox } = await consume(channel, 'in-order', { consumerTag: 'mine' });
      for (let index = 1; index <= 100; index += 1) {
        const message = (await inbox.first(index))[index - 1] as ConsumeMessage;
        say('message', seen(message));
        channel.ack(message);
      }
      say('cancelled', await channel.cancel('mine'));
      say('left', await channel.checkQueue('in-order'));
    },
  },
  {
    name: 'get: with and without acknowledgement, and from an empty queue',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('got');
      say('empty', await channel.get('got'));
      await fill(channel, 'got', 3);
      const first = await mustGet(channel, 'got');
      say('first', seen(first));
      say('second', seen(await mustGet(channel, 'got', { noAck: true })));
      channel.nack(first);
      say('again', seen(await mustGet(channel, 'got')));
      say('third', seen(await mustGet(channel, 'got')));
      channel.ackAll();
      say('empty', await channel.get('got'));
    },
  },
  {
    name: 'confirms, one by one and many at once',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('confirms', { durable: true });
      say('one', await confirmed(channel, '', 'confirms', text('one'), { persistent: true }));
      const many = Array.from({ length: 300 }, (_, index) =>
        confirmed(channel, '', 'confirms', text(index), { persistent: index % 2 === 0 }),
      );
      say('many', await Promise.all(many));
      say('count', await channel.checkQueue('confirms'));
    },
  },
  {
    name: 'mandatory messages come back before their confirm, others do not',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('routed');
      channel.on('return', (message: ConsumeMessage) => say('returned', seen(message)));
      const options = { mandatory: true, headers: { mine: 'kept' }, priority: 2, correlationId: 'a' };
      say('unroutable', await confirmed(channel, '', 'nowhere', text('back'), options));
      say('routable', await confirmed(channel, '', 'routed', text('there'), options));
      say('not mandatory', await confirmed(channel, '', 'nowhere', text('gone')));
      say('large', await confirmed(channel, 'amq.topic', 'no.key', patterned(300_000), { mandatory: true }));
      say('got', seen(await mustGet(channel, 'routed', { noAck: true })));
    },
  },
  {
    name: 'reject and nack, with and without requeue',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('dead');
      await channel.assertQueue('rejects', { deadLetterExchange: '', deadLetterRoutingKey: 'dead' });
      await fill(channel, 'rejects', 4);
      const { inbox } = await consume(channel, 'rejects', { consumerTag: 'mine' });
      const [first, second, third, fourth] = await inbox.first(4);
      if (!first || !second || !third || !fourth) throw new Error('four messages were there');
      channel.reject(second, false);
      channel.nack(third, false, false);
      channel.ack(fourth);
      channel.reject(first, true);
      say('redelivered', seen((await inbox.first(5))[4] as ConsumeMessage));
      const { inbox: dead } = await consume(channel, 'dead', { noAck: true });
      const letters = await dead.first(2);
      say(
        'dead letters',
        letters.map((letter) => {
          const [death] = (letter.properties.headers?.['x-death'] ?? []) as { time?: unknown }[];
          if (death !== undefined) delete death.time;
          return seen(letter);
        }),
      );
    },
    // `x-death` has the time in it, and the deaths' order is that of two settlements.
    ownWordsOnly: true,
  },
  {
    name: 'one acknowledgement for many, and the rest comes again to the next consumer',
    async run({ connect, say }) {
      const connection = await connect();
      const channel = await connection.createConfirmChannel();
      await channel.assertQueue('many-at-once');
      await fill(channel, 'many-at-once', 8);
      const { inbox } = await consume(channel, 'many-at-once');
      const messages = await inbox.first(8);
      channel.ack(messages[1] as ConsumeMessage);
      channel.ack(messages[3] as ConsumeMessage, true);
      channel.nack(messages[5] as ConsumeMessage, true, false);
      say('delivered', messages.map(seen));
      await channel.close();
      const next = await connection.createChannel();
      say('left', await next.checkQueue('many-at-once'));
      for (let index = 0; index < 2; index += 1)
        say('again', seen(await mustGet(next, 'many-at-once', { noAck: true })));
    },
  },
  {
    name: 'acknowledging everything at once with tag 0',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('all');
      await fill(channel, 'all', 8);
      const { inbox } = await consume(channel, 'all');
      await inbox.first(8);
      channel.ackAll();
      await fill(channel, 'all', 3);
      await inbox.first(11);
      channel.nackAll(false);
      say('left', await channel.checkQueue('all'));
      say('bodies', bodies(await inbox.first(11)));
    },
  },
  {
    name: 'a consumer without a limit holds twenty messages before it acknowledges the first',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('hoard');
      await fill(channel, 'hoard', 20);
      const { inbox } = await consume(channel, 'hoard', { consumerTag: 'hoarder' });
      const messages = await inbox.first(20);
      say('held', bodies(messages));
      say('unacknowledged', await channel.checkQueue('hoard'));
      channel.ack(messages[19] as ConsumeMessage, true);
      say('left', await channel.deleteQueue('hoard'));
    },
  },
  {
    name: 'prefetch is kept to: as many as asked for, and the next for each that is settled',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('prefetch');
      await fill(channel, 'prefetch', 20);
      say('asked', await channel.prefetch(5));
      const { inbox } = await consume(channel, 'prefetch');
      const first = await inbox.first(5);
      const { messageCount } = await channel.checkQueue('prefetch');
      say('others left in the queue', messageCount);
      say('held', inbox.messages.length);
      channel.ack(first[1] as ConsumeMessage, true);
      const more = await inbox.first(7);
      await channel.checkQueue('prefetch');
      say('held then', inbox.messages.length);
      channel.ack(more[6] as ConsumeMessage, true);
      for (let index = 8; index <= 20; index += 1)
        channel.ack((await inbox.first(index))[index - 1] as ConsumeMessage);
      say('bodies', bodies(await inbox.first(20)));
    },
  },
  {
    name: 'prefetch for the channel as a whole',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('shared-limit');
      await fill(channel, 'shared-limit', 12);
      say('asked', await channel.prefetch(3, true));
      const { inbox } = await consume(channel, 'shared-limit');
      for (let index = 1; index <= 12; index += 1) {
        const messages = await inbox.first(index);
        if (inbox.messages.length > index + 2) say('too many', inbox.messages.length);
        channel.ack(messages[index - 1] as ConsumeMessage);
      }
      say('changed', await channel.prefetch(0, true));
      await fill(channel, 'shared-limit', 10);
      say('bodies', bodies(await inbox.first(22)));
    },
  },
  {
    name: 'recover gives back what is not settled, to the same channel',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('recovered');
      await fill(channel, 'recovered', 3);
      const { inbox } = await consume(channel, 'recovered');
      channel.ack((await inbox.first(3))[0] as ConsumeMessage);
      say('recovered', await channel.recover());
      const all = await inbox.first(5);
      say('all', all.map(seen));
      channel.ack(all[4] as ConsumeMessage, true);
      say('left', await channel.deleteQueue('recovered'));
    },
  },
  {
    name: 'bodies of every size: none, one byte, around a frame, five megabytes',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('sizes');
      const sizes = [0, 1, 4087, 4088, 4089, 131_063, 131_064, 131_065, 262_128, 5 * 1024 * 1024];
      for (const size of sizes)
        say('published', await confirmed(channel, '', 'sizes', patterned(size, size)));
      const { inbox } = await consume(channel, 'sizes');
      for (let index = 1; index <= sizes.length; index += 1) {
        const message = (await inbox.first(index))[index - 1] as ConsumeMessage;
        say('consumed', seen(message));
        channel.ack(message);
      }
      say('left', await channel.deleteQueue('sizes'));
    },
  },
  {
    name: 'small frames: the smallest frame_max, and another one',
    async run({ connect, say }) {
      for (const frameMax of [4096, 9000]) {
        const channel = await (await connect({ frameMax })).createConfirmChannel();
        await channel.assertQueue('small-frames');
        for (const size of [0, 4088, 4089, 9000, 100_000]) {
          const options = { headers: { long: 'x'.repeat(2000), size } };
          say('published', await confirmed(channel, '', 'small-frames', patterned(size, size), options));
          say('got', seen(await mustGet(channel, 'small-frames', { noAck: true })));
        }
      }
    },
  },
  {
    name: 'large messages on several channels of one connection at once',
    async run({ connect, say }) {
      const connection = await connect({ frameMax: 8192 });
      const channels = await Promise.all(Array.from({ length: 4 }, () => connection.createConfirmChannel()));
      const results = channels.map(async (channel, index) => {
        const queue = `side-by-side-${index}`;
        await channel.assertQueue(queue);
        const { inbox } = await consume(channel, queue, { noAck: true });
        for (let turn = 0; turn < 5; turn += 1) {
          channel.sendToQueue(queue, patterned(70_000 + turn, index + 1));
        }
        await channel.waitForConfirms();
        return (await inbox.first(5)).map(seen);
      });
      say('consumed', await Promise.all(results));
    },
  },
  {
    name: 'priorities that the client sets itself, on a priority queue of its own',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('own-priorities', { maxPriority: 5 });
      for (const priority of [1, 5, 3, 2, 5, 1, 4, 9]) {
        channel.sendToQueue('own-priorities', text(priority), { priority });
      }
      await channel.waitForConfirms();
      for (let index = 0; index < 8; index += 1)
        say('got', seen(await mustGet(channel, 'own-priorities', { noAck: true })));
    },
  },
  {
    name: 'messages that expire go to the dead letters',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('expired');
      await channel.assertQueue('expiring', { deadLetterExchange: '', deadLetterRoutingKey: 'expired' });
      const { inbox } = await consume(channel, 'expired', { noAck: true });
      say('published', await confirmed(channel, '', 'expiring', text('short'), { expiration: '1' }));
      const [message] = await inbox.first(1);
      const [death] = (message?.properties.headers?.['x-death'] ?? []) as {
        reason?: string;
        queue?: string;
      }[];
      say('expired', [message?.content.toString(), death?.reason, death?.queue]);
      say('refused', await failure(confirmedOrClosed(channel)));
    },
    ownWordsOnly: true,
  },
  {
    name: 'settling a message that is not there ends the channel, and the number can be used again',
    async run({ connect, say }) {
      const connection = await connect();
      for (let turn = 0; turn < 3; turn += 1) {
        const channel = await connection.createConfirmChannel();
        await channel.assertQueue('settled-twice');
        await fill(channel, 'settled-twice', 2);
        const { inbox } = await consume(channel, 'settled-twice', { consumerTag: 'again' });
        const [first] = await inbox.first(2);
        if (first === undefined) throw new Error('a message was there');
        const end = channelEnd(channel);
        channel.ack(first);
        channel.ack(first);
        say('ended', await end);
        const next = await connection.createChannel();
        say('purged', await next.purgeQueue('settled-twice'));
        await next.close();
      }
    },
  },
  {
    name: 'what a broker refuses of a message',
    async run({ connect, say }) {
      const connection = await connect();
      for (const [exchange, options] of [
        ['no-such-exchange', {}],
        ['', { userId: 'somebody' }],
        ['', { expiration: 'soon' }],
      ] as const) {
        const channel = await connection.createConfirmChannel();
        const end = channelEnd(channel);
        const outcome = confirmed(channel, exchange, 'key', text('refused'), options);
        say('ended', await end);
        say('confirm', await outcome);
      }
      const channel = await connection.createConfirmChannel();
      say('goes on', await confirmed(channel, '', 'key', text('dropped')));
    },
  },
];

async function confirmedOrClosed(channel: Parameters<typeof confirmed>[0]): Promise<never> {
  const end = channelEnd(channel);
  channel.sendToQueue('expiring', text('x'), { expiration: '-1' });
  throw await end;
}
