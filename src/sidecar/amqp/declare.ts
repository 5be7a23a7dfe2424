import type { AmqpContext } from './context.ts';
import type { QueueDeclare, TrialOutcome } from './own-channel.ts';
import { type FieldTable, plainOf } from './protocol/index.ts';

/** The argument that makes a classic queue a priority queue (RabbitMQ, "Priority Queue Support"). */
const MAX_PRIORITY = 'x-max-priority';
const QUEUE_TYPE = 'x-queue-type';

/** Refused because the queue exists with other arguments, or because its kind knows no priorities. */
const PRECONDITION_FAILED = 406;

/**
 * The declare that makes a priority queue of the one that a client declares; undefined where that is not ours to do: a queue that is
 * only asked for, one that the broker names (for replies), one of another kind (quorum queues have no such argument in any
 * version), and one that brings priorities of its own.
 */
export function prioritized(declare: QueueDeclare, maxPriority: number): QueueDeclare | undefined {
  if (declare.passive || declare.queue === '') return undefined;
  const plain = plainOf(declare.arguments);
  const type = plain[QUEUE_TYPE];
  if ((type !== undefined && type !== 'classic') || MAX_PRIORITY in plain) return undefined;
  const withPriority: FieldTable = [...declare.arguments, [MAX_PRIORITY, { type: 'I', value: maxPriority }]];
  return { ...declare, arguments: withPriority };
}

/** Takes note of what the broker said to a declare with priorities. @returns whether the client's declare gets them */
export function judgeTrial(
  { counters, queues, logger, broker }: AmqpContext,
  virtualHost: string,
  queue: string,
  outcome: TrialOutcome,
): boolean {
  if (outcome.agreed) {
    counters.declares.prioritized += 1;
    if (queues.learn(virtualHost, queue, 'prioritized')) counters.hit('knownQueues');
    return true;
  }
  counters.declares.kept += 1;
  if (outcome.replyCode !== PRECONDITION_FAILED) return false;
  if (queues.kindOf(virtualHost, queue) !== 'otherwise') {
    logger.log('warn', 'a queue stays without priorities, because it exists with other arguments', {
      queue,
      virtualHost,
      wanted: `${MAX_PRIORITY} ${broker.maxPriority}`,
      broker: outcome.text,
      fix: 'Delete the queue when it is empty; it is declared anew with priorities.',
    });
  }
  if (queues.learn(virtualHost, queue, 'otherwise')) counters.hit('knownQueues');
  return false;
}
