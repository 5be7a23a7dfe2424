import type { Channel, ChannelModel, ConfirmChannel, Message } from 'amqplib';
import type { Pool } from 'undici';
import {
  type Clock,
  initialConcurrency,
  type Logger,
  type Policy,
  type Random,
} from '../../../core/index.ts';
import { WORKERS_ARGUMENT } from '../stated-workers.ts';
import { ownAnswer, type QueueAnswerCode } from './answers.ts';
import { type CallResult, callApplication } from './application-call.ts';
import { backOffMs } from './back-off.ts';
import { BoundedSet } from './bounded-set.ts';
import { frameBytesOf, type LinkSession } from './broker-link.ts';
import type { ClassOfTrace } from './class-of-trace.ts';
import type { WorkerClassCounters, WorkerCounters } from './counters.ts';
import { consumeDeadLetters } from './dead-letters.ts';
import { Delivery, WorkerSession } from './delivery.ts';
import { Executions, type Running } from './executions.ts';
import { fingerprintOf } from './fingerprint.ts';
import { FRAME_BYTES, HAND_BACK, REQUEST_REPLY_LIMITS } from './limits.ts';
import { type QueuedResponse, readCancel, readRequest } from './message-format.ts';
import { cancelExchange, declareTopology } from './queue-topology.ts';

/** What a worker needs. */
export interface WorkerOptions {
  readonly queue: string;
  readonly policy: Policy;
  /** How many messages it asks the broker for at once; the sidecar's proxy may give it fewer. */
  readonly prefetch: number;
  readonly maxResponseBytes: number;
  /** To the internal listener of the sidecar's inbound side. */
  readonly pool: Pool;
  /** By which the sidecar's own answers are known. */
  readonly ownToken: string;
  readonly classOf: ClassOfTrace;
  readonly counters: WorkerCounters;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * The serving end of requests through one queue: hands each to the application by way of the sidecar's own inbound side, publishes the
 * response, and acknowledges only when the broker has confirmed that. So a request whose worker dies is delivered again.
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #executions: Executions<Delivery>;
  readonly #cancelled = new BoundedSet(REQUEST_REPLY_LIMITS.rememberedCancels);
  #heldBytes = 0;
  /** Requests that are executed, held or being answered. */
  #busy = 0;
  /** How often in a row the application could not be reached. */
  #unreached = 0;
  #draining = false;
  #stopConsuming: (() => void) | undefined;
  #idle: (() => void) | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { rememberedResponses, rememberedMs, rememberedBytes } = REQUEST_REPLY_LIMITS;
    this.#executions = new Executions({
      entries: rememberedResponses,
      ageMs: rememberedMs,
      bytes: rememberedBytes,
    });
  }

  /** What it holds now. */
  statistics(): Readonly<Record<string, number>> {
    const { running, remembered, rememberedBytes } = this.#executions;
    const cancels = this.#cancelled.size;
    return { running, remembered, rememberedBytes, responseBytes: this.#heldBytes, cancels };
  }

  /** Builds the serving end on a fresh connection; for `BrokerLink`. */
  async begin(model: ChannelModel, lost: (cause: unknown) => void): Promise<LinkSession> {
    const { queue, prefetch, policy, logger, classOf, counters } = this.#options;
    await declareTopology(model, queue, logger);
    const session = new WorkerSession(frameBytesOf(model, FRAME_BYTES));
    const watched = <C extends Channel>(channel: C): C => {
      channel.on('error', lost);
      channel.on('close', () => lost(new Error('a channel was closed')));
      return channel;
    };
    const orLost = (take: (message: Message) => void) => (message: Message | null) => {
      if (message === null) lost(new Error('the broker cancelled a consumer: its queue is gone'));
      else if (session.alive) take(message);
    };

    // Cancel notices first: one that comes before its request is remembered.
    const side = watched(await model.createChannel());
    const { queue: notices } = await side.assertQueue('', { exclusive: true, durable: false });
    await side.bindQueue(notices, cancelExchange(queue), '');
    const cancelled = orLost((message) => this.#cancelNotice(message));
    await side.consume(notices, cancelled, { noAck: true });
    const dead = watched(await model.createChannel());
    await consumeDeadLetters(dead, queue, { classOf, counters, orLost });

    const channel = watched(await model.createConfirmChannel());
    await channel.prefetch(prefetch);
    const taken = orLost((message) => this.#received(channel, message, session));
    const end = { ended: () => session.end() };
    if (this.#draining) return end;
    const { consumerTag } = await channel.consume(queue, taken, {
      arguments: { [WORKERS_ARGUMENT]: initialConcurrency(policy.queue) },
    });
    // What it still holds is answered on the same channel. Without this the broker would deliver what is given back, over and over.
    const stop = (): void => {
      if (session.alive) channel.cancel(consumerTag).catch(lost);
    };
    this.#stopConsuming = stop;
    if (this.#draining) stop();
    return end;
  }

  /** Takes no more requests, and resolves when those under way are answered. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#stopConsuming?.();
    if (this.#busy === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Breaks off what is under way; the broker delivers it to another worker. */
  abort(): void {
    for (const { abort } of this.#executions.all()) abort.abort();
  }

  #received(channel: ConfirmChannel, message: Message, session: WorkerSession): void {
    const { counters, classOf, clock, logger, queue } = this.#options;
    const received = readRequest(message);
    if (typeof received === 'string') {
      counters.malformed += 1;
      logger.log('warn', 'a message in a queue of requests is none', { queue, cause: received });
      channel.nack(message, false, false);
      return;
    }
    const delivery = new Delivery(channel, message, received, session);
    const row = counters.classes.of(classOf(received.request.trace));
    row.received += 1;
    if (message.fields.redelivered) row.redelivered += 1;
    if (this.#cancelled.has(received.request.id)) {
      row.cancelled += 1;
      delivery.acknowledge();
      return;
    }
    if (this.#draining) {
      delivery.handBack();
      return;
    }
    const known = this.#executions.ask(fingerprintOf(received.request), delivery, clock.nowMs());
    switch (known.kind) {
      case 'remembered':
        row.remembered += 1;
        void this.#busyWith(this.#answerAll([delivery], known.response));
        return;
      case 'joined':
        row.joined += 1;
        delivery.started();
        return;
      default:
        delivery.started();
        void this.#busyWith(this.#execute(known.running, delivery, row));
    }
  }

  async #busyWith(work: Promise<void>): Promise<void> {
    this.#busy += 1;
    await work;
    this.#busy -= 1;
    if (this.#busy === 0) this.#idle?.();
  }

  async #execute(running: Running<Delivery>, first: Delivery, row: WorkerClassCounters): Promise<void> {
    const { pool, ownToken, maxResponseBytes, clock, counters } = this.#options;
    const { request } = first.received;
    let held = 0;
    const hold = (bytes: number): boolean => {
      if (this.#heldBytes + bytes > REQUEST_REPLY_LIMITS.responseBytes) return false;
      this.#heldBytes += bytes;
      held += bytes;
      return true;
    };
    row.executing += 1;
    const call = { pool, ownToken, maxResponseBytes, hold };
    const result = await callApplication(call, request, running.abort.signal);
    row.executing -= 1;
    if (result.kind !== 'unreached') this.#unreached = 0;
    switch (result.kind) {
      case 'response': {
        if (result.ofApplication) row.executed += 1;
        // A failure may be another the next time; what succeeded must not be done twice.
        const remember = result.ofApplication && result.response.status < 500;
        this.#executions.answered(running, result.response, remember, clock.nowMs());
        await this.#answerAll(running.waiters, result.response);
        break;
      }
      case 'too-large':
      case 'no-room': {
        counters.tooLarge += 1;
        const code = result.kind === 'no-room' ? 'RESPONSES_HELD' : 'RESPONSE_TOO_LARGE';
        await this.#answerFor(running, code);
        break;
      }
      case 'aborted':
        this.#executions.unanswered(running, false);
        for (const delivery of running.waiters) delivery.handBack();
        break;
      default:
        await this.#unanswered(running, result, row);
    }
    this.#heldBytes -= held;
  }

  /** The application did not answer. Another worker may have the request, after a while, unless the application died of it again and again. */
  async #unanswered(running: Running<Delivery>, result: CallResult, row: WorkerClassCounters): Promise<void> {
    const { clock, random } = this.#options;
    const died = result.kind === 'broken';
    if (died && running.attempt >= REQUEST_REPLY_LIMITS.executions) {
      await this.#answerFor(running, 'APPLICATION_LOST');
      return;
    }
    const waitMs = backOffMs(HAND_BACK, died ? running.attempt - 1 : this.#unreached, random);
    if (!died) this.#unreached += 1;
    if (!this.#draining) await clock.sleep(waitMs, running.abort.signal).catch(() => undefined);
    this.#executions.unanswered(running, died);
    row.handedBack += running.waiters.length;
    for (const delivery of running.waiters) delivery.handBack();
  }

  async #answerFor(running: Running<Delivery>, code: QueueAnswerCode): Promise<void> {
    const { waiters } = running;
    const response = this.#ownAnswer(code, waiters[0]);
    this.#executions.answered(running, response, false, this.#options.clock.nowMs());
    await this.#answerAll(waiters, response);
  }

  #ownAnswer(code: QueueAnswerCode, to: Delivery | undefined): QueuedResponse {
    const { classOf, policy } = this.#options;
    const classIndex = to === undefined ? -1 : classOf(to.received.request.trace);
    return ownAnswer(code, policy.classes[classIndex]?.name ?? 'unknown');
  }

  /** Resolves when the broker has all the responses, or the connection is gone. */
  async #answerAll(deliveries: readonly Delivery[], response: QueuedResponse): Promise<void> {
    const { counters } = this.#options;
    const answers = deliveries.map((delivery) => {
      if (delivery.fits(response)) return delivery.answer(response);
      counters.tooLarge += 1;
      return delivery.answer(this.#ownAnswer('RESPONSE_TOO_LARGE', delivery));
    });
    await Promise.all(answers);
  }

  /** Nobody waits for a request any more: it is not executed, or its execution is broken off when nobody else waits for it. */
  #cancelNotice(message: Message): void {
    const { counters, classOf } = this.#options;
    const id = readCancel(message);
    if (id === undefined) return;
    this.#cancelled.add(id);
    for (const { waiters, abort } of this.#executions.all()) {
      for (const delivery of waiters.filter(({ received }) => received.request.id === id)) {
        waiters.splice(waiters.indexOf(delivery), 1);
        delivery.acknowledge();
        if (waiters.length > 0) continue;
        counters.classes.of(classOf(delivery.received.request.trace)).aborted += 1;
        abort.abort();
      }
    }
  }
}
