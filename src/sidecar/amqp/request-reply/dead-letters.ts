import type { Channel, Message } from 'amqplib';
import type { ClassOfTrace } from './class-of-trace.ts';
import type { WorkerCounters } from './counters.ts';
import { REQUEST_REPLY_LIMITS } from './limits.ts';
import { deadOptions, MESSAGE_TYPE, readReplyTo, readTrace } from './message-format.ts';
import { deadLetterQueue } from './queue-topology.ts';

const NO_BODY = Buffer.alloc(0);

/** What the consumer of dead letters needs. */
export interface DeadLetterContext {
  readonly classOf: ClassOfTrace;
  readonly counters: WorkerCounters;
  /** Makes a consumer's callback; a consumer that the broker cancels ends the connection. */
  orLost(take: (message: Message) => void): (message: Message | null) => void;
}

/**
 * Counts the dead letters of a queue by class and cause (https://www.rabbitmq.com/docs/dlx), tells the callers who still wait, and takes
 * the letters away.
 */
export async function consumeDeadLetters(
  channel: Channel,
  queue: string,
  context: DeadLetterContext,
): Promise<void> {
  await channel.prefetch(REQUEST_REPLY_LIMITS.deadLetterPrefetch);
  const take = context.orLost((message) => {
    count(message, context);
    tellCaller(channel, message);
    channel.ack(message);
  });
  await channel.consume(deadLetterQueue(queue), take);
}

function count({ properties }: Message, { classOf, counters }: DeadLetterContext): void {
  const row = counters.classes.of(classOf(readTrace(properties)));
  row[causeOf(properties)] += 1;
}

function causeOf({ headers }: Message['properties']): 'expired' | 'rejected' | 'dropped' {
  const reason: unknown = headers?.['x-first-death-reason'];
  return reason === 'expired' || reason === 'rejected' ? reason : 'dropped';
}

function tellCaller(channel: Channel, { properties }: Message): void {
  const replyTo = readReplyTo(properties);
  const { type, correlationId } = properties;
  if (type !== MESSAGE_TYPE.request || replyTo === undefined || typeof correlationId !== 'string') return;
  const options = deadOptions(correlationId, causeOf(properties), readTrace(properties));
  channel.publish('', replyTo, NO_BODY, options);
}
