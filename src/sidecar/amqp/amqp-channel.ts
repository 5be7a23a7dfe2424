import { ChannelConsumers } from './channel-consumers.ts';
import { ChannelDeliveries, type DeliveryHost } from './channel-deliveries.ts';
import { ChannelQos } from './channel-qos.ts';
import { bodySizeAt, ContentPhase } from './content-phase.ts';
import type { AmqpContext } from './context.ts';
import { ChannelDeclares } from './declare.ts';
import { ChannelArrivals } from './deliver.ts';
import { type FrameCursor, VERDICT, type Verdict } from './frame-cursor.ts';
import type { ConnectionFacts } from './handshake.ts';
import type { MessageBook } from './message.ts';
import type { OwnChannel } from './own-channel.ts';
import {
  AmqpFault,
  decodeMethod,
  encodeMethod,
  FRAME,
  METHOD,
  methodHasContent,
  methodName,
} from './protocol/index.ts';
import { type PublishEdit, type PublishTarget, readTarget } from './publish.ts';
import { ChannelSettlements } from './settle.ts';

/** What a channel acts through: the session that it is a part of. */
export interface ChannelHost {
  readonly context: AmqpContext;
  readonly facts: ConnectionFacts;
  readonly publishEdit: PublishEdit;
  readonly book: MessageBook;
  /** Appends a frame of our own to what leaves. */
  readonly toClient: (frame: Buffer) => void;
  readonly toBroker: (frame: Buffer) => void;
  readonly ownChannel: () => OwnChannel;
  /** Goes on reading from the client after a frame was put off. */
  readonly releaseClient: () => void;
  /** Counts bytes that are held, or are no longer. @returns how many the connection holds */
  readonly hold: (bytes: number) => number;
  /** Has {@link AmqpChannel.afterFrame} called when the frame that is being looked at has been passed on. */
  readonly due: (channel: AmqpChannel) => void;
  /** The channel's number is free again. */
  readonly channelGone: (number: number) => void;
}

/** One channel of a client's connection: which frames of it pass, and which are somebody's business. */
export class AmqpChannel {
  readonly number: number;
  readonly #host: ChannelHost;
  readonly #published = new ContentPhase();
  readonly #delivered = new ContentPhase();
  readonly #target: PublishTarget = { exchange: '', routingKey: '' };
  /** Whether the content that the client is in the middle of is a message that it publishes. */
  #publishing = false;
  /** Methods of the proxy's own that wait for the end of a content: none may stand in the middle of one. */
  #waiting: Buffer[] = [];
  /** `channel.close` has passed, in either direction: nothing of the proxy's own may follow. */
  #closing = false;
  readonly #qos: ChannelQos;
  readonly deliveries: ChannelDeliveries;
  readonly consumers: ChannelConsumers;
  readonly #arrivals: ChannelArrivals;
  readonly #settlements: ChannelSettlements;
  readonly #declares: ChannelDeclares;

  constructor(number: number, host: ChannelHost) {
    this.number = number;
    this.#host = host;
    const { context, facts, book, toClient, toBroker, hold } = host;
    const inject = (frame: Buffer): void => this.#inject(frame);
    this.#qos = new ChannelQos(number, inject);
    const deliveryHost: DeliveryHost = {
      context,
      book,
      toClient,
      inject,
      replace: toBroker,
      hold,
      due: () => host.due(this),
      adjust: (nowMs) => {
        if (!this.#closing) this.consumers.adjust(nowMs);
      },
    };
    this.deliveries = new ChannelDeliveries(number, deliveryHost);
    this.#arrivals = new ChannelArrivals(deliveryHost, this.deliveries);
    this.#settlements = new ChannelSettlements(number, deliveryHost, this.deliveries);
    this.consumers = new ChannelConsumers({
      context,
      facts,
      qos: this.#qos,
      deliveries: this.deliveries,
      replace: toBroker,
    });
    this.#declares = new ChannelDeclares(number, host);
  }

  #inject(frame: Buffer): void {
    if (this.#closing) return;
    if (this.#published.idle) this.#host.toBroker(frame);
    else this.#waiting.push(frame);
  }

  /** The channel is closed, or about to be. */
  close(): void {
    this.#closing = true;
    this.#waiting = [];
    this.#arrivals.close();
    this.#settlements.close();
    this.deliveries.close();
  }

  /** A frame that has made something due was passed on. */
  afterFrame(): void {
    this.#sendWaiting();
    this.deliveries.handOut(this.#host.context.clock.nowMs());
  }

  /** Takes a frame of the client. @throws AmqpFault */
  fromClient(frame: FrameCursor, id: number): Verdict {
    switch (frame.type) {
      case FRAME.method:
        if (!this.#published.idle) throw unexpected(id);
        return this.#methodOfClient(frame, id);
      case FRAME.header:
        return this.#headerOfClient(frame);
      case FRAME.body:
        if (!this.#published.body(frame.payloadEnd - frame.payloadStart)) throw unannouncedBody();
        this.#contentEnded();
        return VERDICT.pass;
      default:
        return VERDICT.pass;
    }
  }

  #methodOfClient(frame: FrameCursor, id: number): Verdict {
    switch (id) {
      case METHOD['basic.publish']:
        this.#published.begin();
        this.#publishing = true;
        if (this.#host.context.tap?.active === true) readTarget(frame, this.#target);
        return VERDICT.pass;
      case METHOD['basic.ack']:
      case METHOD['basic.nack']:
      case METHOD['basic.reject']:
        return this.#settlements.settle(frame, id);
      case METHOD['basic.consume']:
        return this.consumers.consume(frame);
      case METHOD['basic.cancel']:
        this.consumers.cancelByClient(frame);
        return VERDICT.pass;
      case METHOD['basic.get']:
        this.consumers.get(frame);
        return VERDICT.pass;
      case METHOD['basic.qos']:
        return this.consumers.qosByClient(frame);
      case METHOD['basic.recover-async']:
        this.deliveries.takenBack();
        return VERDICT.pass;
      case METHOD['queue.declare']:
        return this.#declares.fromClient(frame);
      case METHOD['tx.select']:
        this.#settlements.transaction('select');
        return VERDICT.pass;
      case METHOD['tx.commit']:
        this.#settlements.transaction('commit');
        return VERDICT.pass;
      case METHOD['tx.rollback']:
        this.#settlements.transaction('rollback');
        return VERDICT.pass;
      case METHOD['channel.close']:
        this.close();
        return VERDICT.pass;
      case METHOD['channel.close-ok']:
        this.#host.channelGone(this.number);
        return VERDICT.pass;
      default:
        if (methodHasContent(id)) {
          this.#published.begin();
          this.#publishing = false;
        }
        return VERDICT.pass;
    }
  }

  #headerOfClient(frame: FrameCursor): Verdict {
    const bodyBytes = bodySizeAt(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (bodyBytes < 0) throw new AmqpFault('syntax', 'a content header that is too short');
    if (!this.#published.header(bodyBytes)) throw unannouncedHeader();
    if (bodyBytes === 0) this.#contentEnded();
    if (!this.#publishing) return VERDICT.pass;
    const edited = this.#host.publishEdit.edit(frame, this.#host.facts, this.#target);
    if (edited === undefined) return VERDICT.pass;
    this.#host.toBroker(edited);
    return VERDICT.drop;
  }

  /** What had to wait for the end of a content goes after the frame that ends it. */
  #contentEnded(): void {
    if (this.#waiting.length > 0 && this.#published.idle) this.#host.due(this);
  }

  #sendWaiting(): void {
    if (this.#waiting.length === 0 || !this.#published.idle) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const frame of waiting) this.#host.toBroker(frame);
  }

  /** Takes a frame of the broker. @throws AmqpFault */
  fromBroker(frame: FrameCursor, id: number): Verdict {
    switch (frame.type) {
      case FRAME.method:
        if (!this.#delivered.idle) throw unexpected(id);
        return this.#methodOfBroker(frame, id);
      case FRAME.header: {
        const bodyBytes = bodySizeAt(frame.bytes, frame.payloadStart, frame.payloadEnd);
        if (bodyBytes < 0 || !this.#delivered.header(bodyBytes)) throw unannouncedHeader();
        return this.#arrivals.header(frame, bodyBytes);
      }
      case FRAME.body:
        if (!this.#delivered.body(frame.payloadEnd - frame.payloadStart)) throw unannouncedBody();
        return this.#arrivals.body(frame);
      default:
        return VERDICT.pass;
    }
  }

  #methodOfBroker(frame: FrameCursor, id: number): Verdict {
    switch (id) {
      case METHOD['basic.deliver']:
        this.#delivered.begin();
        return this.#arrivals.begin(frame, id, this.consumers.recipientOf(frame));
      case METHOD['basic.get-ok']:
        this.#delivered.begin();
        return this.#arrivals.begin(frame, id, this.consumers.got());
      case METHOD['basic.get-empty']:
        this.consumers.got();
        return VERDICT.pass;
      case METHOD['basic.qos-ok']:
        return this.#qosOk();
      case METHOD['basic.consume-ok']:
        this.consumers.begun(frame);
        return VERDICT.pass;
      case METHOD['basic.cancel-ok']:
      case METHOD['basic.cancel']:
        this.consumers.cancelled(frame);
        return VERDICT.pass;
      case METHOD['basic.recover-ok']:
        this.deliveries.takenBack();
        this.#host.due(this);
        return VERDICT.pass;
      case METHOD['queue.declare-ok']:
        this.consumers.declared(frame);
        return VERDICT.pass;
      case METHOD['channel.close']:
        return this.#closedByBroker(frame);
      case METHOD['channel.close-ok']:
        this.#host.channelGone(this.number);
        return VERDICT.pass;
      default:
        if (methodHasContent(id)) this.#delivered.begin();
        return VERDICT.pass;
    }
  }

  /** An answer to the proxy's own `basic.qos` is not the client's; it tells how long the way to the broker and back takes. */
  #qosOk(): Verdict {
    const asked = this.#qos.answered();
    if (asked === undefined || asked.byClient) return VERDICT.pass;
    this.deliveries.governed?.roundTrip(this.#host.context.clock.nowMs() - asked.sentMs);
    return VERDICT.drop;
  }

  /** The broker's complaint about a delivery tag names the client's own. */
  #closedByBroker(frame: FrameCursor): Verdict {
    const { madeUp } = this.#settlements;
    this.close();
    if (madeUp === undefined) return VERDICT.pass;
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (method.name !== 'channel.close') return VERDICT.pass;
    const replyText = method.args.replyText.replace(String(madeUp.sent), String(madeUp.tag));
    this.#host.toClient(encodeMethod(this.number, 'channel.close', { ...method.args, replyText }));
    return VERDICT.drop;
  }
}

function unexpected(id: number): AmqpFault {
  return new AmqpFault('unexpected-frame', `${methodName(id) ?? 'a method'} in the middle of a content`);
}

function unannouncedHeader(): AmqpFault {
  return new AmqpFault('unexpected-frame', 'a content header that no method has announced');
}

function unannouncedBody(): AmqpFault {
  return new AmqpFault('unexpected-frame', 'a body frame that no content header has announced');
}
