import { Id } from '../../propagation/index.ts';
import type { TapMessageAction, TapMessageOutcome } from '../tap/index.ts';
import type { AmqpContext } from './context.ts';
import { countIn } from './counters.ts';
import type { FrameCursor } from './frame-cursor.ts';
import { MessageCarriers, PUBLISHED_HEADER } from './message-carriers.ts';
import { AmqpFault, ContentHeader, decodeMethod } from './protocol/index.ts';

/** A message that came from the broker: its class, and what is needed when it is handed out and settled. */
export interface Message {
  readonly classIndex: number;
  readonly reason: string;
  readonly traceId: string;
  readonly requestId: string;
  /** Milliseconds of the publisher's wall clock; 0 when unknown. */
  readonly publishedMs: number;
  readonly bodyBytes: number;
  readonly priority: number;
  /** The queue it was taken from. */
  readonly queue: string;
  /** Nobody will settle it. */
  readonly noAck: boolean;
  /** Where it was published to; filled only while somebody watches. */
  readonly exchange: string;
  readonly routingKey: string;
  /** When the client was given it, on the monotonic clock, and how long it had waited for that; -1 where that is unknown. */
  handedOutMs: number;
  waitedMs: number;
}

/** What a `basic.deliver` or `basic.get-ok` says beside the message. */
export interface DeliveryFacts {
  readonly queue: string;
  readonly noAck: boolean;
  readonly exchange: string;
  readonly routingKey: string;
}

/** How a message was settled. */
export type Outcome = Exclude<TapMessageOutcome, 'unsettled'>;

const US_PER_MS = 1000;

/** Follows messages from the broker to the client and back: class, provenance, counters, tap. One object serves all of a proxy's connections. */
export class MessageBook {
  readonly #context: Omit<AmqpContext, 'book'>;
  readonly #carriers = new MessageCarriers();
  readonly #trace = new Id();
  readonly #request = new Id();
  readonly #defaultClass: number;

  constructor(context: Omit<AmqpContext, 'book'>) {
    this.#context = context;
    const { classes, ingress } = context.policy;
    this.#defaultClass = Math.max(
      0,
      classes.findIndex(({ name }) => name === ingress.defaultClass),
    );
  }

  /** Reads the content header of a message that the broker sent. A message that cannot be read is of the default class: it is the client's to judge. */
  read(frame: FrameCursor, bodyBytes: number, facts: DeliveryFacts): Message {
    const { propagation, resolver, clock, counters } = this.#context;
    const { carried } = this.#carriers;
    try {
      const header = ContentHeader.read(frame.bytes, frame.payloadStart, frame.payloadEnd);
      this.#carriers.read(header, propagation);
      const { classIndex, reason } = resolver.resolve(carried, clock.nowMs());
      countIn(counters.deliverReasons, reason);
      const published = header.header(PUBLISHED_HEADER);
      return {
        classIndex,
        reason,
        traceId: carried.traceId,
        requestId: carried.requestId,
        publishedMs: typeof published === 'number' && published > 0 ? published : 0,
        bodyBytes,
        priority: header.priority ?? -1,
        ...facts,
        handedOutMs: 0,
        waitedMs: -1,
      };
    } catch (error) {
      if (!(error instanceof AmqpFault)) throw error;
      countIn(counters.deliverReasons, 'unreadable');
      return {
        classIndex: this.#defaultClass,
        reason: 'unreadable',
        traceId: '',
        requestId: '',
        publishedMs: 0,
        bodyBytes,
        priority: -1,
        ...facts,
        handedOutMs: 0,
        waitedMs: -1,
      };
    }
  }

  /** The exchange and routing key of a delivery, when somebody watches. */
  targetOf(frame: FrameCursor): { readonly exchange: string; readonly routingKey: string } {
    if (this.#context.tap?.active === true) {
      const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
      if (method.name === 'basic.deliver' || method.name === 'basic.get-ok') return method.args;
    }
    return NOWHERE;
  }

  /** The client is given the message: what it causes from now on inherits its class. */
  handedOut(message: Message): void {
    const { table, clock, counters } = this.#context;
    const nowMs = clock.nowMs();
    message.handedOutMs = nowMs;
    // What nobody settles is never released: only ids that are nobody else's may stand for it until they expire.
    this.#trace.text = message.traceId;
    this.#request.text = message.noAck ? '' : message.requestId;
    table.register(this.#trace, this.#request, message.classIndex, nowMs);
    const ofClass = counters.classes[message.classIndex];
    if (ofClass !== undefined) {
      ofClass.delivered += 1;
      ofClass.deliveredBytes += message.bodyBytes;
      if (message.publishedMs > 0) {
        message.waitedMs = Math.max(0, clock.wallMs() - message.publishedMs);
        ofClass.brokerWaitUs.record(message.waitedMs * US_PER_MS);
      }
    }
    this.#tell('deliver', message, 'unsettled', -1);
  }

  /** The client has settled the message. */
  settled(message: Message, outcome: Outcome): void {
    const { counters, clock } = this.#context;
    this.forget(message);
    const ofClass = counters.classes[message.classIndex];
    if (ofClass !== undefined) ofClass[outcome] += 1;
    if (this.#context.tap?.active === true) {
      this.#tell('settle', message, outcome, clock.nowMs() - message.handedOutMs);
    }
  }

  /** The message is no longer the client's, without its doing: the channel is closed, or the broker took it back. */
  forget(message: Message): void {
    this.#trace.text = message.traceId;
    this.#request.text = message.requestId;
    this.#context.table.release(this.#trace, this.#request, message.classIndex);
  }

  #tell(action: TapMessageAction, message: Message, outcome: TapMessageOutcome, tookMs: number): void {
    const { tap } = this.#context;
    if (tap?.active !== true) return;
    const { classIndex, reason, exchange, routingKey, queue, priority, bodyBytes, waitedMs } = message;
    tap.message({
      action,
      classIndex,
      reason,
      exchange,
      routingKey,
      queue,
      priority,
      bodyBytes,
      queueWaitMs: waitedMs,
      tookMs,
      outcome,
    });
  }
}

const NOWHERE = { exchange: '', routingKey: '' } as const;
