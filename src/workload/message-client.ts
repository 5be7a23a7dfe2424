import { Readable } from 'node:stream';
import type { Channel, ConsumeMessage, Message } from 'amqplib';
import type { Clock, Random } from '../core/index.ts';
import type { BrokerLink } from './broker-link.ts';
import { CallFailure, type CallReply, type Calls } from './calls.ts';
import { numberOf, REQUEST_TYPE, STARTED_HEADER, TIMING_HEADER, textOf } from './message-form.ts';
import { longerWait, queueWaitOf } from './queue-timing.ts';
import type { PlannedCall } from './route-table.ts';

/** Replies to this pseudo queue come straight to the channel that published (RabbitMQ, "Direct Reply-to"). */
const DIRECT_REPLY = 'amq.rabbitmq.reply-to';
const MAX_CALLS = 16_384;
const NO_BODY = Buffer.alloc(0);
/** What an instrumented client puts into a message's headers; baggage is lost at a broker by the common libraries. */
const FORWARDED = ['traceparent', 'tracestate'] as const;

/** How the client works. */
export interface MessageClientOptions {
  /** The queue of each service that is called. */
  readonly queues: Readonly<Record<string, string>>;
  readonly callTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** What the client did. */
export interface MessageClientStatistics {
  /** Published for the first time. */
  readonly called: number;
  /** Published again, after the connection on which a reply was awaited was lost. */
  readonly repeated: number;
  /** Came back because there was no such queue. */
  readonly returned: number;
  /** Nobody waited for any more. */
  readonly lateReplies: number;
  readonly waiting: number;
}

interface Pending {
  readonly planned: PlannedCall;
  readonly queue: string;
  readonly headers: Readonly<Record<string, string>>;
  /** When the call was made: its wait in the queue counts from here. */
  readonly sinceMs: number;
  published: boolean;
  resolve(reply: CallReply): void;
  reject(error: CallFailure): void;
}

/**
 * Calls services through their queues: publishes a persistent message, and waits for the reply (direct reply-to). While there is no connection calls wait,
 * and those that had been published are published again when there is one, with the same message id: a request is served at least once.
 * What a call waits for is bounded in number and time; the message expires with the call.
 */
export class MessageClient implements Calls {
  readonly #options: MessageClientOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #prefix: string;
  #link: BrokerLink | undefined;
  #called = 0;
  #repeated = 0;
  #returned = 0;
  #lateReplies = 0;

  constructor(options: MessageClientOptions) {
    this.#options = options;
    this.#prefix = options.random.below(0x1_0000_0000).toString(16).padStart(8, '0');
  }

  /** Prepares a new channel, and publishes on it what waits for a reply. */
  async prepare(channel: Channel): Promise<void> {
    for (const queue of new Set(Object.values(this.#options.queues))) {
      await channel.assertQueue(queue, { durable: true });
    }
    channel.on('return', (message) => this.#onReturn(message));
    await channel.consume(DIRECT_REPLY, (message) => this.#onReply(message), { noAck: true });
    for (const [id, pending] of this.#pending) this.#publish(channel, id, pending);
  }

  /** The link whose channels are prepared; known once it is open. */
  useLink(link: BrokerLink): void {
    this.#link = link;
  }

  call(
    planned: PlannedCall,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<CallReply> {
    const { service } = planned;
    const queue = this.#options.queues[service];
    if (queue === undefined) throw new CallFailure(`${service}: consumes no queue`);
    if (this.#pending.size >= MAX_CALLS) throw new CallFailure(`${service}: too many calls wait for a reply`);
    if (signal.aborted) throw new CallFailure(`${service}: cancelled`);
    this.#called += 1;
    const id = `${this.#prefix}-${this.#called}`;
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#pending.delete(id);
        clearTimeout(timer);
        signal.removeEventListener('abort', cancel);
      };
      const fail = (error: CallFailure) => {
        settle();
        reject(error);
      };
      const cancel = () => fail(new CallFailure(`${service}: cancelled`));
      const timer = setTimeout(
        () => fail(new CallFailure(`${service}: no reply in time`)),
        this.#options.callTimeoutMs,
      );
      signal.addEventListener('abort', cancel, { once: true });
      const pending: Pending = {
        planned,
        queue,
        headers: Object.fromEntries(
          FORWARDED.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
        ),
        sinceMs: this.#options.clock.nowMs(),
        published: false,
        resolve(reply) {
          settle();
          resolve(reply);
        },
        reject: fail,
      };
      this.#pending.set(id, pending);
      const channel = this.#link?.channel;
      if (channel !== undefined) this.#publish(channel, id, pending);
    });
  }

  statistics(): MessageClientStatistics {
    return {
      called: this.#called,
      repeated: this.#repeated,
      returned: this.#returned,
      lateReplies: this.#lateReplies,
      waiting: this.#pending.size,
    };
  }

  #publish(channel: Channel, id: string, pending: Pending): void {
    const { clock, callTimeoutMs } = this.#options;
    const { planned, queue, headers, sinceMs } = pending;
    if (pending.published) this.#repeated += 1;
    pending.published = true;
    const leftMs = Math.max(1, Math.round(sinceMs + callTimeoutMs - clock.nowMs()));
    try {
      channel.publish('', queue, NO_BODY, {
        type: REQUEST_TYPE,
        correlationId: id,
        messageId: id,
        replyTo: DIRECT_REPLY,
        expiration: leftMs,
        persistent: true,
        mandatory: true,
        headers: { method: 'GET', target: planned.path, ...headers },
      });
    } catch {
      // The channel has just been lost; the next one publishes it.
    }
  }

  #onReturn(message: Message): void {
    const pending = this.#pending.get(textOf(message.properties.correlationId));
    if (pending === undefined) return;
    this.#returned += 1;
    pending.reject(new CallFailure(`${pending.planned.service}: there is no queue ${pending.queue}`));
  }

  #onReply(message: ConsumeMessage | null): void {
    if (message === null) return;
    const { correlationId, headers } = message.properties;
    const pending = this.#pending.get(textOf(correlationId));
    if (pending === undefined) {
      this.#lateReplies += 1;
      return;
    }
    const status = numberOf(headers?.['status']) ?? 0;
    if (status < 200 || status > 299) {
      pending.reject(new CallFailure(`${pending.planned.service}: status ${status}`));
      return;
    }
    // Both times are CLOCK_MONOTONIC of one machine.
    const startedMs = numberOf(headers?.[STARTED_HEADER]);
    const ownWaitMs = startedMs === undefined ? undefined : Math.max(0, startedMs - pending.sinceMs);
    const { content } = message;
    pending.resolve({
      body: Readable.from([content]),
      bodyBytes: content.length,
      queueWaitMs: longerWait(ownWaitMs, queueWaitOf(textOf(headers?.[TIMING_HEADER]))),
    });
  }
}
