import type { AmqpContext } from './context.ts';
import { type FrameCursor, VERDICT, type Verdict } from './frame-cursor.ts';
import type { ConnectionFacts } from './handshake.ts';
import type { OwnChannel, QueueDeclare, TrialOutcome } from './own-channel.ts';
import { decodeMethod, encodeMethod, type FieldTable, plainOf } from './protocol/index.ts';

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
function prioritized(declare: QueueDeclare, maxPriority: number): QueueDeclare | undefined {
  if (declare.passive || declare.queue === '') return undefined;
  const plain = plainOf(declare.arguments);
  const type = plain[QUEUE_TYPE];
  if ((type !== undefined && type !== 'classic') || MAX_PRIORITY in plain) return undefined;
  const withPriority: FieldTable = [...declare.arguments, [MAX_PRIORITY, { type: 'I', value: maxPriority }]];
  return { ...declare, arguments: withPriority };
}

/** How RabbitMQ names the levels that a queue has when another number was declared. */
const OTHER_LEVELS = /'x-max-priority'.*current is (?:the value )?'([1-9][0-9]{0,2})'/;

/** The levels that the queue exists with, where they alone made the broker refuse; 0 where it was something else. */
function levelsOf({ agreed, replyCode, text }: TrialOutcome): number {
  if (agreed || replyCode !== PRECONDITION_FAILED) return 0;
  return Number(OTHER_LEVELS.exec(text)?.[1] ?? 0);
}

/** Takes note of what the broker said to a declare with priorities. @returns whether the client's declare gets them */
function judgeTrial(
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

/** What declares act through. */
export interface DeclareHost {
  readonly context: AmqpContext;
  readonly facts: ConnectionFacts;
  readonly toBroker: (frame: Buffer) => void;
  readonly ownChannel: () => OwnChannel;
  readonly releaseClient: () => void;
}

/** The declares of one channel. */
export class ChannelDeclares {
  readonly #channel: number;
  readonly #host: DeclareHost;
  /** What became of the declare that the client waits with: the frame to send for it; none where it stays as it was. */
  #tried: { readonly frame: Buffer | undefined } | undefined;

  constructor(channel: number, host: DeclareHost) {
    this.#channel = channel;
    this.#host = host;
  }

  /**
   * The client's `queue.declare`. It waits until it is known whether the queue can have priorities, because a refusal would close the
   * client's channel; so does all that the client sends after it.
   * @throws AmqpFault `syntax`
   */
  fromClient(frame: FrameCursor): Verdict {
    const { context, facts, toBroker, ownChannel, releaseClient } = this.#host;
    if (!context.layerOn) return VERDICT.pass;
    const tried = this.#tried;
    if (tried !== undefined) {
      this.#tried = undefined;
      if (tried.frame === undefined) return VERDICT.pass;
      toBroker(tried.frame);
      return VERDICT.drop;
    }
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (method.name !== 'queue.declare' || method.args.passive) return VERDICT.pass;
    const { args } = method;
    const wanted = prioritized(args, context.broker.maxPriority);
    const own = ownChannel();
    if (wanted === undefined || own.number === 0) {
      context.counters.declares.passed += 1;
      return VERDICT.pass;
    }
    const judge = (declare: QueueDeclare, outcome: TrialOutcome): void => {
      const agreed = judgeTrial(context, facts.virtualHost, args.queue, outcome);
      this.#tried = { frame: agreed ? encodeMethod(this.#channel, 'queue.declare', declare) : undefined };
      releaseClient();
    };
    own.try(wanted, (outcome) => {
      // Declared under a policy of other levels, perhaps by this very proxy: without the argument the client would be refused.
      const asItIs = prioritized(args, levelsOf(outcome));
      if (levelsOf(outcome) === 0 || asItIs === undefined) judge(wanted, outcome);
      else own.try(asItIs, (second) => judge(asItIs, second));
    });
    return VERDICT.hold;
  }
}
