import type { ChannelDeliveries } from './channel-deliveries.ts';
import type { Bound, ChannelQos } from './channel-qos.ts';
import type { AmqpContext } from './context.ts';
import type { Recipient } from './deliver.ts';
import { type FrameCursor, VERDICT, type Verdict } from './frame-cursor.ts';
import type { ConnectionFacts } from './handshake.ts';
import { AMQP_FIXED_LIMITS } from './limits.ts';
import type { GovernedConsumer } from './prefetch/index.ts';
import { AmqpFault, decodeMethod, type MethodArguments } from './protocol/index.ts';
import { statedWorkers } from './stated-workers.ts';

/** Where a consumer of a stream begins to read; streams know no priorities, and count acknowledgements as credit (RabbitMQ, "Streams"). */
const STREAM_OFFSET = 'x-stream-offset';

/** A consumer that the client has begun. */
export interface Consumer extends Recipient {
  tag: string;
  readonly governed: GovernedConsumer | undefined;
}

/** What consumers act through. */
export interface ConsumerHost {
  readonly context: AmqpContext;
  readonly facts: ConnectionFacts;
  readonly qos: ChannelQos;
  readonly deliveries: ChannelDeliveries;
  /** Sends the broker a frame in place of one of the client's. */
  readonly replace: (frame: Buffer) => void;
}

const NOBODY: Recipient = { queue: '', noAck: false, governed: undefined };

/** The consumers of one channel, and how many messages the broker may have under way to them. */
export class ChannelConsumers {
  readonly #host: ConsumerHost;
  readonly #byTag = new Map<string, Consumer>();
  /** Begun and not yet confirmed, in order; the broker confirms in the same. */
  readonly #pending: Consumer[] = [];
  /** For each `basic.get` under way: its queue, and whether it is settled by itself. */
  readonly #gets: Recipient[] = [];
  /** Consumers that acknowledge and are not governed. */
  #ungoverned = 0;
  /** What the broker counted as unsettled beside the governed when the bound for the channel was set. */
  #beside = 0;
  /** The queue that was declared last: an empty name means it (AMQP 0-9-1, domain `queue-name`). */
  #lastQueue = '';

  constructor(host: ConsumerHost) {
    this.#host = host;
  }

  /** The governed consumers with their queues, for the statistics. */
  *governed(): Iterable<Consumer & { readonly governed: GovernedConsumer }> {
    for (const consumer of this.#byTag.values()) {
      const { governed } = consumer;
      if (governed !== undefined) yield { ...consumer, governed };
    }
  }

  #bounded(waiting: readonly unknown[]): void {
    if (waiting.length >= AMQP_FIXED_LIMITS.pendingReplies) {
      throw new AmqpFault('resource', 'too many requests wait for an answer');
    }
  }

  /** The client's `basic.consume`. @throws AmqpFault `syntax`, `resource` */
  consume(frame: FrameCursor): Verdict {
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (method.name !== 'basic.consume') return VERDICT.pass;
    this.#bounded(this.#pending);
    const { args } = method;
    const { context, qos } = this.#host;
    const nowMs = context.clock.nowMs();
    const queue = args.queue === '' ? this.#lastQueue : args.queue;
    const governed = this.#governs(args) ? this.#govern(nowMs, statedWorkers(args.arguments)) : undefined;
    const consumer: Consumer = { tag: args.consumerTag, queue, noAck: args.noAck, governed };
    if (args.noWait) this.#byTag.set(consumer.tag, consumer);
    else this.#pending.push(consumer);
    this.#count(consumer);
    if (governed === undefined) {
      if (!args.noAck) {
        this.#ungoverned += 1;
        if (context.layerOn) qos.tellEach(this.#fixed(context.broker.prefetch, qos.clientEach), nowMs);
        this.adjust(nowMs);
      }
      return VERDICT.pass;
    }
    return this.#consumeGoverned(frame, queue, nowMs);
  }

  /**
   * The bound for the channel is what adapts, because it holds at once and for consumers that run. Quorum queues refuse consumers on a channel
   * that has one (540, which closes the connection), and do not mind one that comes later. So only for a queue that is certain to be
   * a classic one it is set first; else the bound for each consumer holds until it is.
   */
  #consumeGoverned(frame: FrameCursor, queue: string, nowMs: number): Verdict {
    const { context, facts, qos, replace } = this.#host;
    const { queues } = context;
    const { maxPrefetch } = context.broker;
    // It holds for as long as the consumer does, so it is what a client that acknowledges late is given in the end.
    const most = qos.clientEach > 0 ? qos.clientEach : maxPrefetch + context.limits.maxAmqpReach;
    if (queues.channelBounds && queues.kindOf(facts.virtualHost, queue) === 'prioritized') {
      qos.tellEach(Math.max(most, maxPrefetch + context.limits.maxAmqpReach), nowMs);
      this.adjust(nowMs);
      return VERDICT.pass;
    }
    qos.tellAll(0, nowMs);
    // Where the broker knows no bound for a channel, this is the only one, and what one consumer has others cannot get.
    qos.tellEach(queues.channelBounds || qos.clientEach > 0 ? most : maxPrefetch, nowMs);
    replace(frame.copy());
    this.adjust(nowMs);
    return VERDICT.drop;
  }

  #count({ noAck, governed }: Consumer): void {
    const { counters, broker, layerOn } = this.#host.context;
    if (noAck) counters.consumers.noAck += 1;
    else if (governed !== undefined) counters.consumers.governed += 1;
    else if (layerOn && (broker.prefetch === 'unlimited' || typeof broker.prefetch === 'number')) {
      counters.consumers.fixed += 1;
    } else counters.consumers.client += 1;
  }

  #governs({ noAck, arguments: table }: MethodArguments<'basic.consume'>): boolean {
    const { context } = this.#host;
    if (!context.layerOn || context.broker.prefetch !== 'governed' || noAck) return false;
    return !table.some(([name]) => name === STREAM_OFFSET);
  }

  #govern(nowMs: number, workers: number): GovernedConsumer | undefined {
    const { context, deliveries, qos } = this.#host;
    const channel = deliveries.govern(nowMs);
    if (channel === undefined || channel.consumers.size >= AMQP_FIXED_LIMITS.consumers) {
      context.counters.hit('consumers');
      return undefined;
    }
    // The client's bound for the channel may change while the consumer runs: it is kept where messages are handed out.
    return channel.addConsumer(qos.clientEach, nowMs, workers);
  }

  /** What the broker is to be told for a consumer that nobody governs. */
  #fixed(prefetch: AmqpContext['broker']['prefetch'], asked: number): number {
    if (prefetch === 'unlimited') return 0;
    return typeof prefetch === 'number' ? prefetch : asked;
  }

  /** The client's own `basic.qos`: it is answered by the broker, which is told what holds. @throws AmqpFault `syntax` */
  qosByClient(frame: FrameCursor): Verdict {
    const { context, qos, deliveries, replace } = this.#host;
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (method.name !== 'basic.qos') return VERDICT.pass;
    const { global, prefetchCount: count } = method.args;
    const nowMs = context.clock.nowMs();
    // RabbitMQ lets a bound for each consumer take away the one for the channel.
    deliveries.clientAll = global ? count : 0;
    const asked = { global, count };
    const told = context.layerOn ? this.#inPlaceOf(asked) : asked;
    const own = qos.byClient(asked, told, nowMs);
    if (told.count === count && told.global === global) return VERDICT.pass;
    replace(own);
    return VERDICT.drop;
  }

  #inPlaceOf(asked: Bound): Bound {
    const { prefetch } = this.#host.context.broker;
    const { global, count } = asked;
    if (prefetch === 'unlimited' || typeof prefetch === 'number') {
      return { global, count: global ? 0 : this.#fixed(prefetch, count) };
    }
    // The bound for each consumer would take away that for the channel.
    return this.#governing && this.#ungoverned === 0 && this.#host.context.queues.channelBounds
      ? { global: true, count: this.#wanted(global ? count : 0) }
      : asked;
  }

  get #governing(): boolean {
    return (this.#host.deliveries.governed?.consumers.size ?? 0) > 0;
  }

  /** What the broker should be told for the channel. @param asked what the client asked for */
  #wanted(asked: number): number {
    const { deliveries } = this.#host;
    const { governed } = deliveries;
    if (governed === undefined || governed.consumers.size === 0) return asked;
    // Others on the channel would use up the places of the governed.
    if (this.#ungoverned > 0) return 0;
    const window = governed.brokerWindow + deliveries.uncommitted + this.#beside;
    return asked === 0 ? window : Math.min(window, asked);
  }

  /** Tells the broker the bound for the channel, where it has changed. */
  adjust(nowMs: number): void {
    const { context, qos, deliveries } = this.#host;
    if (!context.layerOn || context.broker.prefetch !== 'governed') return;
    const { governed } = deliveries;
    if (governed === undefined || !context.queues.channelBounds) return;
    // RabbitMQ begins to count with all that is unsettled at that moment, also by `basic.get`.
    if (qos.all === 0) this.#beside = governed.window.unsettledOf(governed.ungoverned);
    qos.tellAll(this.#wanted(qos.clientAll), nowMs);
  }

  /** `queue.declare-ok`: a queue that was declared, perhaps one that the broker named. */
  declared(frame: FrameCursor): void {
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (method.name === 'queue.declare-ok') this.#lastQueue = method.args.queue;
  }

  /** The broker refused a consumer or a bound as not implemented: what was thought of the queues was wrong. */
  forgetPending(): void {
    const { queues } = this.#host.context;
    for (const { queue } of this.#pending) queues.forget(this.#host.facts.virtualHost, queue);
  }

  /** `basic.consume-ok`. */
  begun(frame: FrameCursor): void {
    const consumer = this.#pending.shift();
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (consumer === undefined || method.name !== 'basic.consume-ok') return;
    consumer.tag = method.args.consumerTag;
    this.#byTag.set(consumer.tag, consumer);
  }

  /** The client's `basic.cancel`: one that is not answered takes effect now. @throws AmqpFault `syntax` */
  cancelByClient(frame: FrameCursor): void {
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (method.name === 'basic.cancel' && method.args.noWait) this.#end(method.args.consumerTag, 'client');
  }

  /** `basic.cancel-ok`, or the broker's own `basic.cancel`: the queue is gone. */
  cancelled(frame: FrameCursor): void {
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (method.name === 'basic.cancel-ok') this.#end(method.args.consumerTag, 'client');
    if (method.name === 'basic.cancel') this.#end(method.args.consumerTag, 'broker');
  }

  #end(tag: string, by: 'client' | 'broker'): void {
    const consumer = this.#byTag.get(tag);
    if (consumer === undefined) return;
    this.#byTag.delete(tag);
    const { deliveries, context } = this.#host;
    const nowMs = context.clock.nowMs();
    if (consumer.governed === undefined) {
      if (!consumer.noAck) this.#ungoverned -= 1;
      this.adjust(nowMs);
    } else if (by === 'client') deliveries.giveBack(consumer.governed, nowMs);
    else deliveries.flush(consumer.governed, nowMs);
  }

  /** The client's `basic.get`. @throws AmqpFault `syntax`, `resource` */
  get(frame: FrameCursor): void {
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (method.name !== 'basic.get') return;
    this.#bounded(this.#gets);
    const { queue, noAck } = method.args;
    this.#gets.push({ queue: queue === '' ? this.#lastQueue : queue, noAck, governed: undefined });
  }

  /** `basic.get-ok` or `basic.get-empty`. @returns what had been asked for */
  got(): Recipient {
    return this.#gets.shift() ?? NOBODY;
  }

  /** Whom a `basic.deliver` is for. */
  recipientOf(frame: FrameCursor): Recipient {
    const at = frame.payloadStart + 4;
    const end = at + 1 + (frame.bytes[at] ?? 0);
    return this.#byTag.get(frame.bytes.toString('utf8', at + 1, end)) ?? NOBODY;
  }
}
