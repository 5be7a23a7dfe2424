import type { Channel, ChannelModel } from 'amqplib';
import { type Logger, messageOf } from '../../../core/index.ts';
import { REQUEST_REPLY_LIMITS } from './limits.ts';

/** The dead-letter queue of a queue of requests. */
export function deadLetterQueue(queue: string): string {
  return `${queue}.dead`;
}

/** The fanout exchange on which callers say that they wait no more. */
export function cancelExchange(queue: string): string {
  return `${queue}.cancel`;
}

/**
 * Declares what requests through a queue need: the queue, its dead-letter queue, the exchange of cancel notices. Gateways and workers do
 * so alike, because either may come first. All of it is durable: it must be there after a restart of the broker.
 *
 * What somebody declared otherwise, or this under another policy, is used as it is; requests that expire in such a queue may not be
 * seen by workers.
 */
export async function declareTopology(model: ChannelModel, queue: string, logger: Logger): Promise<void> {
  const exchange = cancelExchange(queue);
  const dead = deadLetterQueue(queue);
  const parts: readonly Part[] = [
    {
      name: exchange,
      declare: (channel) => channel.assertExchange(exchange, 'fanout', { durable: true }),
      find: (channel) => channel.checkExchange(exchange),
    },
    {
      name: dead,
      declare: (channel) =>
        channel.assertQueue(dead, { durable: true, maxLength: REQUEST_REPLY_LIMITS.deadLetters }),
      find: (channel) => channel.checkQueue(dead),
    },
    {
      name: queue,
      declare: (channel) =>
        channel.assertQueue(queue, {
          durable: true,
          deadLetterExchange: '',
          deadLetterRoutingKey: dead,
        }),
      find: (channel) => channel.checkQueue(queue),
    },
  ];
  for (const part of parts) await declareOrUse(model, part, logger);
}

/** A queue or an exchange. */
interface Part {
  readonly name: string;
  declare(channel: Channel): Promise<unknown>;
  find(channel: Channel): Promise<unknown>;
}

async function declareOrUse(
  model: ChannelModel,
  { name, declare, find }: Part,
  logger: Logger,
): Promise<void> {
  try {
    await onChannel(model, declare);
  } catch (error) {
    if (!isPreconditionFailed(error)) throw error;
    await onChannel(model, find);
    logger.log('warn', 'it was declared otherwise and is used as it is: dead letters may not be counted', {
      name,
      cause: messageOf(error),
    });
  }
}

/** One of its own, because a refusal closes it. */
async function onChannel(model: ChannelModel, act: (channel: Channel) => Promise<unknown>): Promise<void> {
  const channel = await model.createChannel();
  // The awaited call says so too.
  channel.on('error', () => undefined);
  await act(channel);
  await channel.close();
}

/** AMQP 0-9-1 reply code 406: it exists and is different. */
function isPreconditionFailed(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 406;
}
