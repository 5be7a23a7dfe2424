import { once } from 'node:events';
import type { Channel, ConsumeMessage, Options } from 'amqplib';
import { channelEnd, confirmed, consume, mustGet, type Scenario, seen } from './scenario.ts';

const text = (value: string | number): Buffer => Buffer.from(String(value));

async function gotBodies(channel: Channel, queue: string): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (message === false) return bodies;
    bodies.push(message.content.toString());
  }
}

/** Queues, consumers, exchanges and bindings. */
export const QUEUE_SCENARIOS: readonly Scenario[] = [
  {
    name: 'declare: every kind of queue, again, passively; purge and delete with their counts',
    async run({ connect, say }) {
      const connection = await connect();
      const channel = await connection.createConfirmChannel();
      const kinds: Record<string, Options.AssertQueue> = {
        plain: {},
        durable: { durable: true },
        transient: { durable: false },
        'auto-delete': { autoDelete: true },
        exclusive: { exclusive: true, durable: false },
        limited: { maxLength: 2, overflow: 'reject-publish', messageTtl: 60_000, expires: 600_000 },
        dead: { deadLetterExchange: 'amq.direct', deadLetterRoutingKey: 'x' },
        lazy: { queueMode: 'lazy' },
        classic: { arguments: { 'x-queue-type': 'classic' } },
        single: { arguments: { 'x-single-active-consumer': true } },
        priority: { maxPriority: 4 },
      };
      for (const [kind, options] of Object.entries(kinds)) {
        const queue = `kind-${kind}`;
        say(kind, await channel.assertQueue(queue, options));
        for (let index = 0; index < 3; index += 1)
          say('published', await confirmed(channel, '', queue, text(index)));
        say('again', await channel.assertQueue(queue, options));
        say('passively', await channel.checkQueue(queue));
        const { inbox } = await consume(channel, queue, {
          consumerTag: `tag-${kind}`,
          noAck: kind !== 'limited',
        });
        await inbox.first(2);
        say('with a consumer', (await channel.checkQueue(queue)).consumerCount);
        await channel.cancel(`tag-${kind}`);
        if (kind === 'auto-delete') continue;
        say('published', await confirmed(channel, '', queue, text('more')));
        say('purged', await channel.purgeQueue(queue));
        say('published', await confirmed(channel, '', queue, text('last')));
        say('deleted', await channel.deleteQueue(queue));
        say('deleted again', await channel.deleteQueue(queue));
      }
    },
  },
  {
    name: 'queues named by the server',
    async run({ connect, say }) {
      const connection = await connect();
      const channel = await connection.createConfirmChannel();
      const first = await channel.assertQueue('', { exclusive: true });
      const second = await channel.assertQueue('', { autoDelete: true });
      say('first', first);
      say('second', second);
      say('are one', first.queue === second.queue);
      say('published', await confirmed(channel, '', first.queue, text('to me')));
      say('got', seen(await mustGet(channel, first.queue)));
      say('passively', await channel.checkQueue(first.queue));
      say('deleted', await channel.deleteQueue(second.queue));
    },
  },
  {
    name: 'a queue that was there before, declared by somebody else without priorities',
    async run({ connect, connectDirectly, say }) {
      const other = await (await connectDirectly()).createConfirmChannel();
      await other.assertQueue('old', { durable: true });
      say('there', await confirmed(other, '', 'old', text('before')));
      const channel = await (await connect()).createConfirmChannel();
      for (let turn = 0; turn < 3; turn += 1)
        say('declared', await channel.assertQueue('old', { durable: true }));
      say('published', await confirmed(channel, '', 'old', text('after')));
      const { inbox } = await consume(channel, 'old');
      for (const message of await inbox.first(2)) {
        say('consumed', seen(message));
        channel.ack(message);
      }
      const end = channelEnd(channel);
      void channel.assertQueue('old', { durable: false }).catch(() => undefined);
      say('declared otherwise', await end);
    },
  },
  {
    name: 'declares on many channels at once, of the same queue and of others',
    async run({ connect, say }) {
      const connection = await connect();
      const channels = await Promise.all(Array.from({ length: 8 }, () => connection.createConfirmChannel()));
      const declared = await Promise.all(
        channels.flatMap((channel, index) => [
          channel.assertQueue('together'),
          channel.assertQueue(`apart-${index}`),
          channel.assertQueue('together'),
          channel.assertExchange(`exchange-${index}`, 'fanout'),
          channel.bindQueue(`apart-${index}`, `exchange-${index}`, ''),
        ]),
      );
      say('declared', declared);
      const counts = channels.map(async (channel, index) => {
        await confirmed(channel, `exchange-${index}`, '', text(index));
        return gotBodies(channel, `apart-${index}`);
      });
      say('routed', await Promise.all(counts));
    },
  },
  {
    name: 'a consumer is told when its queue is deleted',
    async run({ connect, say }) {
      const connection = await connect();
      const channel = await connection.createConfirmChannel();
      await channel.assertQueue('short-lived');
      const { inbox } = await consume(channel, 'short-lived', { consumerTag: 'orphan' });
      say('published', await confirmed(channel, '', 'short-lived', text('kept')));
      const [message] = await inbox.first(1);
      const other = await connection.createChannel();
      say('deleted', await other.deleteQueue('short-lived'));
      await inbox.first(2);
      say(
        'inbox',
        inbox.messages.map((one) => (one === null ? 'cancelled' : seen(one))),
      );
      // The message is gone with its queue; its tag is still good.
      channel.ack(message as ConsumeMessage);
      say('goes on', await channel.assertQueue('another'));
    },
  },
  {
    name: 'cancel: what was delivered can still be settled, the rest stays',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('cancelled');
      await channel.prefetch(2);
      for (let index = 0; index < 6; index += 1) await confirmed(channel, '', 'cancelled', text(index));
      const { inbox, tag } = await consume(channel, 'cancelled', { consumerTag: 'first' });
      const [first, second] = await inbox.first(2);
      say('cancelled', await channel.cancel(tag));
      say('held', inbox.messages.length);
      channel.ack(first as ConsumeMessage);
      channel.reject(second as ConsumeMessage, true);
      const { inbox: next } = await consume(channel, 'cancelled', { consumerTag: 'second', noAck: true });
      say(
        'next',
        (await next.first(5)).map(({ content }) => content.toString()),
      );
      say('unknown', await channel.cancel('nobody'));
    },
  },
  {
    name: 'what a closed channel and a closed connection held comes again',
    async run({ connect, say }) {
      const first = await connect();
      const channel = await first.createConfirmChannel();
      await channel.assertQueue('given-back');
      for (let index = 0; index < 4; index += 1) await confirmed(channel, '', 'given-back', text(index));
      const { inbox } = await consume(channel, 'given-back');
      await inbox.first(4);
      await channel.close();
      const second = await first.createChannel();
      const { inbox: again } = await consume(second, 'given-back');
      say(
        'redelivered',
        (await again.first(4)).map(({ content, fields }) => [content.toString(), fields.redelivered]),
      );
      await first.close();
      const third = await (await connect()).createChannel();
      const { inbox: last } = await consume(third, 'given-back');
      say(
        'redelivered',
        (await last.first(4)).map(({ content, fields }) => [content.toString(), fields.redelivered]),
      );
    },
  },
  {
    name: 'an auto-delete queue goes with its last consumer, an exclusive one with its connection',
    async run({ connect, say }) {
      const connection = await connect();
      const channel = await connection.createChannel();
      await channel.assertQueue('goes', { autoDelete: true });
      await channel.assertQueue('stays-mine', { exclusive: true });
      const { tag } = await consume(channel, 'goes');
      await channel.cancel(tag);
      const end = channelEnd(channel);
      void channel.checkQueue('goes').catch(() => undefined);
      say('gone', await end);
      await connection.close();
      const probe = await (await connect()).createChannel();
      const probed = channelEnd(probe);
      void probe.checkQueue('stays-mine').catch(() => undefined);
      say('gone too', await probed);
    },
  },
  {
    name: 'consumers without acknowledgement, several on a channel, local and shared',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      for (const queue of ['left', 'right']) await channel.assertQueue(queue);
      const left = await consume(channel, 'left', { consumerTag: 'l', noAck: true });
      const right = await consume(channel, 'right', { consumerTag: 'r' });
      for (let index = 0; index < 8; index += 1) {
        await confirmed(channel, '', index % 2 === 0 ? 'left' : 'right', text(index));
      }
      const inLeft = await left.inbox.first(4);
      const inRight = await right.inbox.first(4);
      say(
        'left',
        inLeft.map(({ content }) => content.toString()),
      );
      say(
        'right',
        inRight.map(({ content }) => content.toString()),
      );
      for (const message of inRight) channel.ack(message);
      say('counts', [await channel.checkQueue('left'), await channel.checkQueue('right')]);
    },
    // Tags are numbered over both queues, as their messages came.
    ownWordsOnly: true,
  },
  {
    name: 'two consumers of one queue get each message once',
    async run({ connect, say }) {
      const connection = await connect();
      const publisher = await connection.createConfirmChannel();
      await publisher.assertQueue('shared');
      const all: string[] = [];
      const done = Promise.withResolvers<void>();
      for (let index = 0; index < 2; index += 1) {
        const channel = await connection.createChannel();
        await channel.prefetch(3);
        await channel.consume('shared', (message) => {
          if (message === null) return;
          all.push(message.content.toString());
          channel.ack(message);
          if (all.length === 100) done.resolve();
        });
      }
      for (let index = 0; index < 100; index += 1) publisher.sendToQueue('shared', text(index));
      await publisher.waitForConfirms();
      await done.promise;
      say('all', all.sort());
      say('left', (await publisher.checkQueue('shared')).messageCount);
    },
    ownWordsOnly: true,
  },
  {
    name: 'exchanges: direct, fanout, topic, headers, between exchanges, an alternate one',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      for (const queue of ['one', 'two', 'rest']) await channel.assertQueue(queue);
      say('fanout', await channel.assertExchange('unrouted', 'fanout', { durable: false }));
      say('direct', await channel.assertExchange('exact', 'direct', { alternateExchange: 'unrouted' }));
      say('topic', await channel.assertExchange('pattern', 'topic', { autoDelete: true }));
      say('headers', await channel.assertExchange('matched', 'headers', { internal: false }));
      say('again', await channel.assertExchange('exact', 'direct', { alternateExchange: 'unrouted' }));
      say('passively', await channel.checkExchange('matched'));
      say('bound', await channel.bindQueue('rest', 'unrouted', ''));
      say('bound', await channel.bindQueue('one', 'exact', 'key'));
      say('bound', await channel.bindExchange('pattern', 'exact', 'on.ward'));
      say('bound', await channel.bindQueue('two', 'pattern', 'on.*'));
      say('bound', await channel.bindQueue('one', 'matched', '', { 'x-match': 'all', kind: 'a', size: 1 }));
      say('bound', await channel.bindQueue('two', 'matched', '', { 'x-match': 'any', kind: 'b', size: 1 }));
      for (const [exchange, key, headers] of [
        ['exact', 'key', {}],
        ['exact', 'on.ward', {}],
        ['exact', 'nobody', {}],
        ['matched', '', { kind: 'a', size: 1 }],
        ['matched', '', { kind: 'b', size: 2 }],
        ['matched', '', { kind: 'c', size: 3 }],
        ['amq.direct', 'one', {}],
      ] as const) {
        const body = text(`${exchange} ${key} ${JSON.stringify(headers)}`);
        say('published', await confirmed(channel, exchange, key, body, { headers }));
      }
      for (const queue of ['one', 'two', 'rest']) say(queue, await gotBodies(channel, queue));
      say('unbound', await channel.unbindQueue('one', 'exact', 'key'));
      say('unbound', await channel.unbindExchange('pattern', 'exact', 'on.ward'));
      say('published', await confirmed(channel, 'exact', 'key', text('to the rest')));
      for (const queue of ['one', 'two', 'rest']) say(queue, await gotBodies(channel, queue));
      say('deleted', await channel.deleteExchange('exact'));
      const end = channelEnd(channel);
      void channel.deleteExchange('matched', { ifUnused: true }).catch(() => undefined);
      say('in use', await end);
    },
  },
  {
    name: 'requests and replies over direct reply-to',
    async run({ connect, say }) {
      const connection = await connect();
      const server = await connection.createChannel();
      await server.assertQueue('requests');
      await server.consume('requests', (request) => {
        if (request === null) return;
        say('request', seen(request));
        const { replyTo, correlationId } = request.properties as { replyTo: string; correlationId: string };
        server.sendToQueue(replyTo, text(`re: ${request.content}`), { correlationId });
        server.ack(request);
      });
      const client = await connection.createChannel();
      const { inbox } = await consume(client, 'amq.rabbitmq.reply-to', {
        noAck: true,
        consumerTag: 'replies',
      });
      for (let index = 1; index <= 5; index += 1) {
        const options = { replyTo: 'amq.rabbitmq.reply-to', correlationId: String(index) };
        client.sendToQueue('requests', text(index), options);
        say('reply', seen((await inbox.first(index))[index - 1] as ConsumeMessage));
      }
      const end = channelEnd(server);
      void server.consume('amq.rabbitmq.reply-to', () => undefined).catch(() => undefined);
      say('must not acknowledge', await end);
    },
  },
  {
    name: 'a quorum queue',
    async run({ connect, say }) {
      const connection = await connect();
      const channel = await connection.createConfirmChannel();
      const options = { durable: true, arguments: { 'x-queue-type': 'quorum' } };
      say('declared', await channel.assertQueue('quorum', options));
      say('again', await channel.assertQueue('quorum', options));
      for (let index = 0; index < 10; index += 1)
        say('published', await confirmed(channel, '', 'quorum', text(index)));
      await channel.prefetch(4);
      const { inbox } = await consume(channel, 'quorum', { consumerTag: 'voter' });
      for (let index = 1; index <= 10; index += 1) {
        const message = (await inbox.first(index))[index - 1] as ConsumeMessage;
        say('consumed', seen(message));
        channel.ack(message);
      }
      say('cancelled', await channel.cancel('voter'));
      await channel.assertQueue('beside-quorum');
      await consume(channel, 'beside-quorum', { consumerTag: 'classic' });
      say('both kinds', (await consume(channel, 'quorum', { consumerTag: 'voter' })).tag);
      say('deleted', await channel.deleteQueue('quorum'));
    },
    // How a quorum queue hands out its messages, and in which batches, is the pace of its log.
    ownWordsOnly: true,
  },
  {
    name: 'a stream',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      const options = { durable: true, arguments: { 'x-queue-type': 'stream' } };
      say('declared', await channel.assertQueue('stream', options));
      for (let index = 0; index < 5; index += 1)
        say('published', await confirmed(channel, '', 'stream', text(index)));
      await channel.prefetch(10);
      for (const tag of ['first reader', 'second reader']) {
        const reading = { consumerTag: tag, arguments: { 'x-stream-offset': 'first' } };
        const { inbox } = await consume(channel, 'stream', reading);
        const messages = await inbox.first(5);
        say(
          tag,
          messages.map(({ content, properties }) => [
            content.toString(),
            properties.headers?.['x-stream-offset'],
          ]),
        );
        for (const message of messages) channel.ack(message);
        say('cancelled', await channel.cancel(tag));
      }
    },
    ownWordsOnly: true,
  },
  {
    name: 'two hundred channels',
    async run({ connect, say }) {
      const connection = await connect();
      const channels = await Promise.all(
        Array.from({ length: 200 }, () => connection.createConfirmChannel()),
      );
      const first = channels[0];
      if (first === undefined) throw new Error('there are channels');
      await first.assertQueue('crowd');
      const outcomes = await Promise.all(
        channels.map((channel, index) => confirmed(channel, '', 'crowd', text(index))),
      );
      say('published', outcomes);
      const got = await Promise.all(channels.map((channel) => mustGet(channel, 'crowd', { noAck: true })));
      say('got', got.map(({ content }) => content.toString()).sort());
      for (const channel of channels) if (channel !== first) await channel.close();
      say('left', await first.checkQueue('crowd'));
    },
    // Messages are shared out among the channels as they come.
    ownWordsOnly: true,
  },
  {
    name: 'as few channels as the client wants',
    async run({ connect, say }) {
      const connection = await connect({ channelMax: 2 });
      const channels = [await connection.createChannel(), await connection.createChannel()];
      say('refused', await connection.createChannel().catch((error: unknown) => error));
      for (const channel of channels) await channel.close();
      const again = await connection.createChannel();
      say('again', await again.assertQueue('narrow'));
    },
  },
  {
    name: 'a publisher that fills its socket goes on when it has drained',
    async run({ connect, say }) {
      const channel = await (await connect()).createConfirmChannel();
      await channel.assertQueue('flood');
      const body = Buffer.alloc(64 * 1024, 'x');
      for (let index = 0; index < 400; index += 1) {
        if (!channel.sendToQueue('flood', body)) await once(channel, 'drain');
      }
      await channel.waitForConfirms();
      say('count', await channel.checkQueue('flood'));
      say('purged', await channel.purgeQueue('flood'));
    },
  },
];
