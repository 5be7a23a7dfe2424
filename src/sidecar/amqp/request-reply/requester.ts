import type { ChannelModel, ConfirmChannel, Message } from 'amqplib';
import type { Clock, Logger } from '../../../core/index.ts';
import type { TimerWheel } from '../../io/index.ts';
import { frameBytesOf, type LinkSession } from './broker-link.ts';
import type { GatewayClassCounters, GatewayCounters } from './counters.ts';
import { FRAME_BYTES, REQUEST_REPLY_LIMITS } from './limits.ts';
import {
  cancelOptions,
  fitsMessage,
  type QueuedRequest,
  REPLY_TO,
  readReply,
  requestHeaderBytes,
  requestOptions,
} from './message-format.ts';
import { type Arrival, type Outcome, Outstanding, Ticket } from './outstanding.ts';
import { cancelExchange, declareTopology } from './queue-topology.ts';

/** What a requester needs. */
export interface RequesterOptions {
  /** The queues that requests go through. */
  readonly queues: readonly string[];
  readonly classes: number;
  readonly maxOutstandingRequests: number;
  /** How long a response may take once a request was started. */
  readonly responseTimeoutMs: number;
  readonly counters: GatewayCounters;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly logger: Logger;
}

const NO_BODY = Buffer.alloc(0);

/**
 * The caller's end of requests through queues: publishes with confirms, takes replies from its direct reply-to address, and publishes
 * again, under the same message id, what was not answered when a connection was lost. What cannot be published waits, within bounds.
 */
export class Requester {
  readonly #options: RequesterOptions;
  readonly #outstanding: Outstanding;
  /** What waits for the broker, by class. */
  readonly #waiting: readonly Set<Ticket>[];
  #channel: ConfirmChannel | undefined;
  #frameBytes = FRAME_BYTES;
  /** False while the connection takes no more: its buffer is full, or the broker has raised an alarm. */
  #writable = true;
  #blocked = false;
  #closed = false;

  constructor(options: RequesterOptions) {
    this.#options = options;
    this.#outstanding = new Outstanding({
      requests: options.maxOutstandingRequests,
      bytes: REQUEST_REPLY_LIMITS.outstandingBytes,
      classes: options.classes,
    });
    this.#waiting = Array.from({ length: options.classes }, () => new Set<Ticket>());
  }

  /** How much is outstanding now. */
  statistics(): Readonly<Record<string, number | boolean>> {
    let waiting = 0;
    for (const tickets of this.#waiting) waiting += tickets.size;
    const { count, bytes } = this.#outstanding;
    return { outstanding: count, outstandingBytes: bytes, waitingForBroker: waiting, blocked: this.#blocked };
  }

  /** Takes a request whose body is still to come. @returns undefined when too much waits */
  admit(arrival: Arrival): Ticket | undefined {
    const { clock } = this.#options;
    const counters = this.#countersOf(arrival);
    counters.requests += 1;
    const room = this.#closed ? undefined : this.#outstanding.room(arrival.classIndex);
    if (room === undefined) {
      counters.refused += 1;
      return undefined;
    }
    if (room !== 'free') {
      this.#countersOf(room.arrival).shed += 1;
      this.#giveUp(room, 'BROKER_SHED');
    }
    const ticket = new Ticket(arrival, clock.nowMs(), (due) => this.#due(due));
    this.#outstanding.add(ticket);
    counters.outstanding += 1;
    return ticket;
  }

  /** Makes room for more of a body. @returns whether there is any */
  hold(ticket: Ticket, bytes: number): boolean {
    return ticket.state === 'reading' && this.#outstanding.hold(ticket, bytes);
  }

  /** The request is complete: it is published as soon as the broker takes it. */
  send(ticket: Ticket, request: QueuedRequest): void {
    if (ticket.state !== 'reading') return;
    ticket.request = request;
    ticket.state = 'waiting';
    this.#outstanding.name(ticket, request.id);
    this.#options.wheel.set(ticket.timeout, ticket.dueMs);
    this.#waiting[ticket.classIndex]?.add(ticket);
    this.#flush();
  }

  /** Whether a request's properties fit into one frame, with room for what sidecars on the way add. */
  fits(request: QueuedRequest): boolean {
    const bytes = requestHeaderBytes(request) + REQUEST_REPLY_LIMITS.tableReserveBytes;
    return fitsMessage(bytes, this.#frameBytes);
  }

  /** The caller is gone: the request is not executed where that can be avoided. */
  abandon(ticket: Ticket): void {
    if (ticket.state === 'answered') return;
    this.#countersOf(ticket.arrival).cancelled += 1;
    this.#cancelAtWorkers(ticket);
    this.#forget(ticket);
  }

  /** The gateway has answered by itself while the body was being read. */
  withdraw(ticket: Ticket): void {
    this.#forget(ticket);
  }

  /** Answers all that is left; nothing more is taken. */
  close(): void {
    this.#closed = true;
    for (const ticket of [...this.#outstanding.all()]) this.#giveUp(ticket, 'BROKER_AWAY');
  }

  /** Builds the caller's end on a fresh connection; for {@link BrokerLink}. */
  async begin(model: ChannelModel, lost: (cause: unknown) => void): Promise<LinkSession> {
    const { queues, logger } = this.#options;
    for (const queue of queues) await declareTopology(model, queue, logger);
    const channel = await model.createConfirmChannel();
    let here = true;
    channel.on('error', lost);
    // Before amqplib's own listener, which fails all confirms that are still to come: they are not refused, but unknown.
    channel.prependListener('close', () => {
      if (this.#channel === channel) this.#channel = undefined;
      lost(new Error('the channel was closed'));
    });
    channel.on('return', (message) => this.#returned(message));
    channel.on('drain', () => {
      this.#writable = true;
      this.#flush();
    });
    model.on('blocked', () => {
      this.#blocked = true;
    });
    model.on('unblocked', () => {
      this.#blocked = false;
      this.#flush();
    });
    await channel.consume(
      REPLY_TO,
      (message) => {
        if (message === null) lost(new Error('the broker cancelled the reply address'));
        else if (here) this.#replied(message);
      },
      { noAck: true },
    );
    this.#frameBytes = frameBytesOf(model, FRAME_BYTES);
    this.#writable = true;
    this.#blocked = false;
    this.#channel = channel;
    this.#publishAgain();
    return {
      ended: () => {
        here = false;
        if (this.#channel === channel) this.#channel = undefined;
      },
    };
  }

  /** Replies to what was published before go to an address that is gone: whatever is not answered is published once more. */
  #publishAgain(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const ticket of this.#outstanding.all()) {
      if (ticket.state !== 'published' && ticket.state !== 'started') continue;
      // It was in time; how long it waits for being executed again counts anew.
      if (ticket.state === 'started') {
        ticket.dueMs = nowMs + ticket.arrival.deadlineMs;
        this.#options.wheel.set(ticket.timeout, ticket.dueMs);
      }
      ticket.state = 'waiting';
      this.#waiting[ticket.classIndex]?.add(ticket);
    }
    this.#flush();
  }

  /** Publishes what waits, the important first, while the connection takes it. */
  #flush(): void {
    for (const tickets of this.#waiting) {
      for (const ticket of tickets) {
        const channel = this.#channel;
        if (channel === undefined || !this.#writable || this.#blocked) return;
        tickets.delete(ticket);
        this.#publish(ticket, channel);
      }
    }
  }

  #publish(ticket: Ticket, channel: ConfirmChannel): void {
    const { request } = ticket;
    if (request === undefined) return;
    if (!this.fits(request)) {
      this.#options.counters.tooLarge += 1;
      this.#answer(ticket, 'FIELDS_TOO_LARGE');
      return;
    }
    const leftMs = ticket.dueMs - this.#options.clock.nowMs();
    const counters = this.#countersOf(ticket.arrival);
    if (leftMs <= 0) {
      counters.expired += 1;
      this.#giveUp(ticket, 'BROKER_DEADLINE');
      return;
    }
    try {
      ticket.state = 'published';
      this.#writable = channel.publish(
        '',
        ticket.arrival.queue,
        request.body,
        requestOptions(request, leftMs),
        (error) => this.#confirmed(ticket, channel, error),
      );
    } catch {
      // The channel has just closed; the next one publishes it.
      ticket.state = 'waiting';
      this.#waiting[ticket.classIndex]?.add(ticket);
      this.#channel = undefined;
      return;
    }
    counters.published += 1;
    if (ticket.publications > 0) counters.republished += 1;
    ticket.publications += 1;
  }

  #confirmed(ticket: Ticket, channel: ConfirmChannel, error: unknown): void {
    if (error === null) {
      this.#countersOf(ticket.arrival).confirmed += 1;
    } else if (this.#channel === channel && ticket.state === 'published') {
      this.#undeliverable(ticket, 'BROKER_REFUSED');
    }
  }

  #returned({ properties }: Message): void {
    const ticket = this.#outstanding.byId(String(properties.correlationId));
    if (ticket !== undefined) this.#undeliverable(ticket, 'BROKER_NO_QUEUE');
  }

  #undeliverable(ticket: Ticket, code: 'BROKER_REFUSED' | 'BROKER_NO_QUEUE' | 'BROKER_DROPPED'): void {
    this.#countersOf(ticket.arrival).undeliverable += 1;
    this.#answer(ticket, code);
  }

  #replied(message: Message): void {
    const { clock, wheel, counters, responseTimeoutMs } = this.#options;
    const reply = readReply(message);
    const ticket = reply === undefined ? undefined : this.#outstanding.byId(reply.id);
    if (reply === undefined || ticket === undefined) {
      counters.lateReplies += 1;
      return;
    }
    switch (reply.kind) {
      case 'started':
        ticket.state = 'started';
        ticket.dueMs = clock.nowMs() + responseTimeoutMs;
        wheel.set(ticket.timeout, ticket.dueMs);
        return;
      case 'dead':
        if (reply.expired) {
          this.#countersOf(ticket.arrival).expired += 1;
          this.#answer(ticket, 'BROKER_DEADLINE');
        } else this.#undeliverable(ticket, 'BROKER_DROPPED');
        return;
      case 'malformed':
        counters.malformedReplies += 1;
        this.#answer(ticket, 'RESPONSE_MALFORMED');
        return;
      default:
        this.#countersOf(ticket.arrival).responses += 1;
        this.#answer(ticket, reply.response);
    }
  }

  /** The time of a request is over. */
  #due(ticket: Ticket): void {
    const counters = this.#countersOf(ticket.arrival);
    switch (ticket.state) {
      case 'started':
        counters.timedOut += 1;
        this.#giveUp(ticket, 'BROKER_TIMEOUT');
        return;
      case 'published':
        counters.expired += 1;
        this.#giveUp(ticket, 'BROKER_DEADLINE');
        return;
      case 'waiting':
        counters.brokerAway += 1;
        this.#giveUp(ticket, 'BROKER_AWAY');
        return;
      default:
    }
  }

  #giveUp(ticket: Ticket, code: Outcome): void {
    this.#cancelAtWorkers(ticket);
    this.#answer(ticket, code);
  }

  #answer(ticket: Ticket, outcome: Outcome): void {
    if (ticket.state === 'answered') return;
    this.#forget(ticket);
    ticket.arrival.answered(outcome);
  }

  #forget(ticket: Ticket): void {
    if (ticket.state === 'answered') return;
    ticket.state = 'answered';
    this.#waiting[ticket.classIndex]?.delete(ticket);
    this.#outstanding.remove(ticket);
    this.#options.wheel.remove(ticket.timeout);
    this.#countersOf(ticket.arrival).outstanding -= 1;
  }

  /** Tells the workers that nobody waits, if one of them may have the request. */
  #cancelAtWorkers(ticket: Ticket): void {
    const { request, publications } = ticket;
    if (request === undefined || publications === 0) return;
    try {
      this.#channel?.publish(cancelExchange(ticket.arrival.queue), '', NO_BODY, cancelOptions(request.id));
    } catch {
      // The channel has just closed. A notice saves work; nothing depends on it.
    }
  }

  #countersOf({ classIndex }: Arrival): GatewayClassCounters {
    return this.#options.counters.classes.of(classIndex);
  }
}
