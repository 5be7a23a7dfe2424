import type { Channel, Message } from 'amqplib';
import type { Policy } from '../../../core/index.ts';
import { ownAnswer } from './answers.ts';
import type { ClassOfTrace } from './class-of-trace.ts';
import type { WorkerClassCounters, WorkerCounters } from './counters.ts';
import { REQUEST_REPLY_LIMITS } from './limits.ts';
import { MESSAGE_TYPE, readReplyTo, readTrace, responseOptions } from './message-format.ts';
import { deadLetterQueue } from './queue-topology.ts';

/** What the consumer of dead letters needs. */
export interface DeadLetterContext {
  readonly policy: Policy;
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
    tellCaller(channel, message, context);
    channel.ack(message);
  });
  await channel.consume(deadLetterQueue(queue), take);
}

function count({ properties }: Message, { classOf, counters }: DeadLetterContext): void {
  const row = counters.classes.of(classOf(readTrace(properties)));
  row[causeOf(properties)] += 1;
}

function causeOf({ headers }: Message['properties']): keyof WorkerClassCounters {
  switch (headers?.['x-first-death-reason']) {
    case 'expired':
      return 'expired';
    case 'rejected':
      return 'rejected';
    default:
      return 'dropped';
  }
}

function tellCaller(channel: Channel, { properties }: Message, { policy, classOf }: DeadLetterContext): void {
  const replyTo = readReplyTo(properties);
  const { type, correlationId } = properties;
  if (type !== MESSAGE_TYPE.request || replyTo === undefined || typeof correlationId !== 'string') return;
  const trace = readTrace(properties);
  const className = policy.classes[classOf(trace)]?.name ?? 'unknown';
  const answer = ownAnswer(
    causeOf(properties) === 'expired' ? 'BROKER_DEADLINE' : 'BROKER_DROPPED',
    className,
  );
  channel.publish('', replyTo, answer.body, responseOptions(correlationId, answer, trace));
}
