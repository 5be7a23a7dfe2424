import type { Channel } from 'amqplib';
import { channelEnd, confirmed, connectionEnd, consume, failure, type Scenario } from './scenario.ts';

/** Things that a broker refuses with the end of a channel. */
const CHANNEL_ERRORS: readonly (readonly [string, (channel: Channel) => Promise<unknown>])[] = [
  ['no such queue, passively', (channel) => channel.checkQueue('missing')],
  ['no such exchange, passively', (channel) => channel.checkExchange('missing')],
  ['get from no queue', (channel) => channel.get('missing')],
  ['consume from no queue', (channel) => channel.consume('missing', () => undefined)],
  ['purge no queue', (channel) => channel.purgeQueue('missing')],
  ['bind no queue', (channel) => channel.bindQueue('missing', 'amq.direct', 'x')],
  ['bind to no exchange', (channel) => channel.bindQueue('there', 'missing', 'x')],
  ['declare otherwise: durable', (channel) => channel.assertQueue('there', { durable: false })],
  ['declare otherwise: auto-delete', (channel) => channel.assertQueue('there', { autoDelete: true })],
  ['declare otherwise: an argument', (channel) => channel.assertQueue('there', { messageTtl: 5 })],
  ['declare otherwise: exclusive', (channel) => channel.assertQueue('there', { exclusive: true })],
  ['declare a priority queue otherwise', (channel) => channel.assertQueue('levels', { maxPriority: 3 })],
  ['declare with a wrong argument', (channel) => channel.assertQueue('wrong', { messageTtl: -5 })],
  ['declare with too many priorities', (channel) => channel.assertQueue('wrong', { maxPriority: 4000 })],
  ['declare a reserved queue', (channel) => channel.assertQueue('amq.mine')],
  ['declare a reserved exchange', (channel) => channel.assertExchange('amq.mine', 'direct')],
  ['declare an exchange otherwise', (channel) => channel.assertExchange('amq.direct', 'topic')],
  ['a quorum queue that is transient', (channel) => channel.assertQueue('q', QUORUM_TRANSIENT)],
  ['delete what is in use', (channel) => channel.deleteQueue('there', { ifUnused: true })],
  ['delete what is not empty', (channel) => channel.deleteQueue('full', { ifEmpty: true })],
  ['consume what is taken', (channel) => channel.consume('mine-alone', () => undefined)],
  ['another connection’s own queue', (channel) => channel.checkQueue('others')],
];

const QUORUM_TRANSIENT = { durable: false, arguments: { 'x-queue-type': 'quorum' } };

/** What a broker refuses, and how connections begin and end. */
export const ERROR_SCENARIOS: readonly Scenario[] = [
  {
    name: 'what ends a channel leaves the connection and its other channels',
    async run({ connect, say }) {
      const other = await (await connect()).createChannel();
      await other.assertQueue('others', { exclusive: true });
      const connection = await connect();
      const steady = await connection.createConfirmChannel();
      for (const queue of ['there', 'full', 'mine-alone']) await steady.assertQueue(queue);
      await steady.assertQueue('levels', { maxPriority: 2 });
      await consume(steady, 'there', { consumerTag: 'user' });
      await consume(steady, 'mine-alone', { exclusive: true, consumerTag: 'owner' });
      await confirmed(steady, '', 'full', Buffer.from('x'));
      for (const [what, attempt] of CHANNEL_ERRORS) {
        const channel = await connection.createChannel();
        const end = channelEnd(channel);
        say(what, [await failure(attempt(channel)), await end]);
        say('goes on', await confirmed(steady, '', 'there', Buffer.from('still')));
      }
      say('counts', await steady.checkQueue('full'));
    },
    ownWordsOnly: true,
  },
  {
    name: 'requests that were under way when a channel ended fail with it',
    async run({ connect, say }) {
      const connection = await connect();
      const channel = await connection.createChannel();
      const end = channelEnd(channel);
      const outcomes = await Promise.allSettled([
        channel.assertQueue('first'),
        channel.checkQueue('missing'),
        channel.assertQueue('second'),
        channel.consume('first', () => undefined),
      ]);
      say(
        'outcomes',
        outcomes.map(({ status }) => status),
      );
      say('end', await end);
      const next = await connection.createChannel();
      say('first', await next.deleteQueue('first'));
    },
  },
  {
    name: 'a consumer tag that is taken ends the connection',
    async run({ connect, say }) {
      const connection = await connect();
      const channel = await connection.createChannel();
      channel.on('error', () => undefined);
      await channel.assertQueue('tagged');
      await consume(channel, 'tagged', { consumerTag: 'twice' });
      const end = connectionEnd(connection);
      channel.consume('tagged', () => undefined, { consumerTag: 'twice' }).catch(() => undefined);
      say('ended', await end);
      say('another connection', await (await (await connect()).createChannel()).deleteQueue('tagged'));
    },
  },
  {
    name: 'who is not let in',
    async run({ connect, say }) {
      say('wrong password', await failure(connect({ password: 'wrong' })));
      say('unknown user', await failure(connect({ username: 'nobody' })));
      say('no such virtual host', await failure(connect({ vhost: 'nowhere' })));
      say('after that', await (await (await connect()).createChannel()).assertQueue('welcome'));
    },
  },
  {
    name: 'orderly ends: a channel, a connection with channels open, many one after the other',
    async run({ connect, say }) {
      for (let turn = 0; turn < 20; turn += 1) {
        const connection = await connect();
        const end = connectionEnd(connection);
        const channel = await connection.createConfirmChannel();
        await channel.assertQueue('visited');
        if (turn % 2 === 0) await channel.close();
        await connection.close();
        say('ended', await end);
      }
    },
  },
  {
    name: 'heartbeats keep an idle connection',
    async run({ connect, say, heartbeats, until }) {
      const connection = await connect({ heartbeat: 1 });
      const channel = await connection.createChannel();
      await channel.assertQueue('idle');
      const before = heartbeats();
      await until(() => heartbeats() >= before + 4);
      say('still there', await channel.deleteQueue('idle'));
    },
  },
  {
    name: 'without heartbeats, and with a long one',
    async run({ connect, say }) {
      for (const heartbeat of [0, 300]) {
        const connection = await connect({ heartbeat });
        say(`heartbeat ${heartbeat}`, await (await connection.createChannel()).assertQueue('beats'));
      }
    },
  },
  {
    name: 'the client tells who it is, and what it can do',
    async run({ connect, say }) {
      const clientProperties = { connection_name: 'named', capabilities: {}, nested: { table: [1, 2] } };
      const connection = await connect({}, { clientProperties });
      say('server', connection.connection.serverProperties);
      const channel = await connection.createConfirmChannel();
      say('declared', await channel.assertQueue('plain-client'));
      say('published', await confirmed(channel, 'amq.fanout', '', Buffer.from('x'), { mandatory: true }));
    },
  },
];
