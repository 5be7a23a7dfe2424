import { once } from 'node:events';
import type { Channel, ConsumeMessage } from 'amqplib';
import { abortError, type Clock, messageOf } from '../core/index.ts';
import { CallFailure, type Calls } from './calls.ts';
import { RESPONSE_TYPE, STARTED_HEADER, TIMING_HEADER, textOf } from './message-form.ts';
import { queueTiming } from './queue-timing.ts';
import type { HandlerCounters } from './request-handler.ts';
import { type AnswerSink, answerRoute } from './route-answer.ts';
import type { RouteTable } from './route-table.ts';
import { tracingHeaders } from './tracing-headers.ts';
import type { WorkerPool } from './worker-pool.ts';

/** A reply is one message, which is in memory whole. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024;

/** What answers messages. */
export interface MessageHandlerParts {
  readonly queue: string;
  /** What the service asks the broker for; 0 asks for nothing, and the broker sends whatever there is. */
  readonly prefetch: number;
  readonly routes: RouteTable;
  readonly workers: WorkerPool;
  readonly calls: Calls;
  readonly clock: Clock;
  readonly counters: HandlerCounters;
}

/** What became of messages. */
export interface MessageHandlerStatistics {
  /** Replied to and acknowledged. */
  readonly served: number;
  /** Delivered when they had been delivered before. */
  readonly redelivered: number;
  readonly underWay: number;
}

interface Reply {
  readonly status: number;
  readonly body: Buffer;
  readonly startedMs: number | undefined;
  readonly queueWaitMs: number | undefined;
}

/**
 * Serves requests that come as messages, with the same workers as those that come by HTTP. A message is acknowledged when its reply has been
 * published, and not before: when this process or its connection dies, the broker gives it to another.
 */
export class MessageHandler {
  readonly #parts: MessageHandlerParts;
  readonly #underWay = new Set<Promise<void>>();
  #channel: Channel | undefined;
  #consumerTag = '';
  #served = 0;
  #redelivered = 0;

  constructor(parts: MessageHandlerParts) {
    this.#parts = parts;
  }

  /** Declares the queue and consumes it, on a new channel. */
  async prepare(channel: Channel, lost: AbortSignal): Promise<void> {
    const { queue, prefetch } = this.#parts;
    await channel.assertQueue(queue, { durable: true });
    if (prefetch > 0) await channel.prefetch(prefetch);
    const onMessage = (message: ConsumeMessage | null) => {
      // The broker cancels the consumer when the queue is deleted; a new channel declares it again.
      if (message === null) void channel.close().catch(() => {});
      else this.#begin(channel, message, lost);
    };
    this.#consumerTag = (await channel.consume(queue, onMessage)).consumerTag;
    this.#channel = channel;
  }

  statistics(): MessageHandlerStatistics {
    return { served: this.#served, redelivered: this.#redelivered, underWay: this.#underWay.size };
  }

  /** Takes no more messages, and gives those on their way `graceMs`. The rest stays with the broker. */
  async stop(graceMs: number): Promise<void> {
    await this.#channel?.cancel(this.#consumerTag).catch(() => {});
    const timer = Promise.withResolvers<void>();
    const timeout = setTimeout(timer.resolve, graceMs);
    await Promise.race([Promise.all(this.#underWay), timer.promise]);
    clearTimeout(timeout);
  }

  #begin(channel: Channel, message: ConsumeMessage, lost: AbortSignal): void {
    if (message.fields.redelivered) this.#redelivered += 1;
    const serving = this.#serve(channel, message, lost).finally(() => this.#underWay.delete(serving));
    this.#underWay.add(serving);
  }

  async #serve(channel: Channel, message: ConsumeMessage, lost: AbortSignal): Promise<void> {
    const { workers, counters } = this.#parts;
    try {
      const worker = await workers.acquire(lost);
      try {
        const reply = worker === undefined ? refusal(503) : await this.#answer(message, lost);
        await publishReply(channel, message, reply, lost);
        channel.ack(message);
        this.#served += 1;
        counters[reply.status < 500 ? 'answered' : 'failed'] += 1;
      } finally {
        worker?.release();
      }
    } catch {
      // Without its channel a message is the broker's again.
      counters.abandoned += 1;
      await channel.close().catch(() => {});
    }
  }

  async #answer(message: ConsumeMessage, signal: AbortSignal): Promise<Reply> {
    const { routes, calls, clock } = this.#parts;
    const headers = (message.properties.headers ?? {}) as Readonly<Record<string, unknown>>;
    const match = routes(textOf(headers['method']), textOf(headers['target']));
    if (match === 404 || match === 405) return refusal(match);
    const startedMs = clock.nowMs();
    const pieces: Uint8Array[] = [];
    let queueWaitMs: number | undefined;
    let bytes = 0;
    const sink: AnswerSink = {
      start: (head) => {
        queueWaitMs = head.queueWaitMs;
      },
      async write(piece) {
        if (signal.aborted) throw abortError(signal);
        bytes += piece.length;
        if (bytes > MAX_REPLY_BYTES)
          throw new CallFailure(`the reply has more than ${MAX_REPLY_BYTES} bytes`);
        pieces.push(piece);
      },
    };
    try {
      await answerRoute(match, sink, { calls, clock, headers: tracingHeaders(textHeaders(headers)), signal });
      return { status: 200, body: Buffer.concat(pieces), startedMs, queueWaitMs };
    } catch (error) {
      if (signal.aborted) throw error;
      const status = error instanceof CallFailure ? 502 : 500;
      return { ...refusal(status), body: Buffer.from(`${messageOf(error)}\n`) };
    }
  }
}

function refusal(status: number): Reply {
  return { status, body: Buffer.alloc(0), startedMs: undefined, queueWaitMs: undefined };
}

/** Publishes the reply, if one is wanted, and waits until the channel takes more. */
async function publishReply(
  channel: Channel,
  message: ConsumeMessage,
  reply: Reply,
  signal: AbortSignal,
): Promise<void> {
  const { replyTo, correlationId } = message.properties;
  if (textOf(replyTo) === '') return;
  const { status, body, startedMs, queueWaitMs } = reply;
  const more = channel.publish('', textOf(replyTo), body, {
    type: RESPONSE_TYPE,
    correlationId: textOf(correlationId),
    headers: {
      status,
      ...(startedMs === undefined ? {} : { [STARTED_HEADER]: startedMs }),
      ...(queueWaitMs === undefined ? {} : { [TIMING_HEADER]: queueTiming(queueWaitMs) }),
    },
  });
  if (!more) await once(channel, 'drain', { signal });
}

function textHeaders(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}
