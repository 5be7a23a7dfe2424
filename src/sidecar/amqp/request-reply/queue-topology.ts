import type { ChannelModel } from 'amqplib';
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
 * A queue that somebody declared otherwise is used as it is; requests that expire in it are then not seen by workers.
 */
export async function declareTopology(model: ChannelModel, queue: string, logger: Logger): Promise<void> {
  const channel = await model.createChannel();
  // A refused declaration closes the channel; the awaited call says so too.
  channel.on('error', () => undefined);
  await channel.assertExchange(cancelExchange(queue), 'fanout', { durable: true });
  await channel.assertQueue(deadLetterQueue(queue), {
    durable: true,
    maxLength: REQUEST_REPLY_LIMITS.deadLetters,
  });
  try {
    await channel.assertQueue(queue, {
      durable: true,
      deadLetterExchange: '',
      deadLetterRoutingKey: deadLetterQueue(queue),
    });
    await channel.close();
  } catch (error) {
    await useAsItIs(model, queue, error);
    logger.log(
      'warn',
      'the queue was declared otherwise and is used as it is: its dead letters are not counted',
      {
        queue,
        cause: messageOf(error),
      },
    );
  }
}

async function useAsItIs(model: ChannelModel, queue: string, refusal: unknown): Promise<void> {
  if (!isPreconditionFailed(refusal)) throw refusal;
  const channel = await model.createChannel();
  channel.on('error', () => undefined);
  await channel.checkQueue(queue);
  await channel.close();
}

/** AMQP 0-9-1 reply code 406: it exists and is different. */
function isPreconditionFailed(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 406;
}
