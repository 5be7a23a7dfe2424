/**
 * A worker of the chaos test: takes messages from a queue, prints a line for each that it has processed, and only then acknowledges it.
 * `chaos-worker-main.ts HOST PORT QUEUE PREFETCH` (0: none). It reconnects as its library does.
 */
import amqp, { type ChannelModel } from 'amqplib';
import { systemClock } from '../../../../src/core/index.ts';
import { RECOVERY, readMessage } from './chaos-messages.ts';

const [host = '', port = '', queue = '', prefetch = '0'] = process.argv.slice(2);

async function setUp(connection: ChannelModel): Promise<void> {
  // amqplib hears of its connection only after this.
  connection.on('error', () => undefined);
  const channel = await connection.createChannel();
  // What is lost with its channel comes again.
  channel.on('error', () => undefined);
  await channel.assertQueue(queue, { durable: true });
  if (Number(prefetch) > 0) await channel.prefetch(Number(prefetch));
  await channel.consume(queue, async (message) => {
    if (message === null) return;
    const { id, workMs } = readMessage(message.content);
    await systemClock.sleep(workMs);
    // Written to the pipe before the acknowledgement is: a pipe's writes are synchronous.
    process.stdout.write(`${id}\n`);
    try {
      channel.ack(message);
    } catch {
      // The channel is gone, and the message comes again to another.
    }
  });
}

const connection = await amqp.connect(
  { hostname: host, port: Number(port), heartbeat: 5 },
  { noDelay: true, recovery: { ...RECOVERY, setup: setUp } },
);
connection.on('error', () => undefined);
