import { type ChannelDeliveries, type DeliveryHost, type Held, offered } from './channel-deliveries.ts';
import { tagAt, writeTag } from './content-phase.ts';
import { type FrameCursor, VERDICT, type Verdict } from './frame-cursor.ts';
import { AMQP_FIXED_LIMITS } from './limits.ts';
import type { Message } from './message.ts';
import type { GovernedConsumer } from './prefetch/index.ts';
import { AmqpFault, METHOD } from './protocol/index.ts';

/** Bytes of a method's number, at the start of its payload, and of a delivery tag. */
const ID_BYTES = 4;
const TAG_BYTES = 8;

/** A consumer as its deliveries know it. */
export interface Recipient {
  readonly queue: string;
  readonly noAck: boolean;
  readonly governed: GovernedConsumer | undefined;
}

/** The message that the broker is in the middle of. */
interface Incoming {
  readonly brokerTag: number;
  readonly to: Recipient;
  readonly exchange: string;
  readonly routingKey: string;
  /** A copy of the method's frame, where it did not pass at once. */
  readonly method: Buffer | undefined;
  readonly tagAt: number;
  message: Message | undefined;
  /** The frames so far, of a message that is held. */
  frames: Buffer[] | undefined;
  bytes: number;
  remaining: number;
}

/** The messages that the broker sends on one channel: each passes as it comes, or is put together and held. */
export class ChannelArrivals {
  readonly #host: DeliveryHost;
  readonly #deliveries: ChannelDeliveries;
  #incoming: Incoming | undefined;

  constructor(host: DeliveryHost, deliveries: ChannelDeliveries) {
    this.#host = host;
    this.#deliveries = deliveries;
  }

  /** `basic.deliver` or `basic.get-ok`: content follows. @throws AmqpFault `syntax` */
  begin(frame: FrameCursor, id: number, to: Recipient): Verdict {
    let at = frame.payloadStart + ID_BYTES;
    if (id === METHOD['basic.deliver']) at += 1 + (frame.bytes[at] ?? 0);
    if (at + TAG_BYTES >= frame.payloadEnd) throw new AmqpFault('syntax', 'a delivery without a tag');
    // A client that is closing the channel looks at nothing that still comes.
    const passes = this.#deliveries.governed === undefined || this.#deliveries.closed;
    this.#incoming = {
      brokerTag: tagAt(frame.bytes, at),
      to,
      ...this.#host.book.targetOf(frame),
      method: passes ? undefined : frame.copy(),
      tagAt: at - frame.start,
      message: undefined,
      frames: undefined,
      bytes: 0,
      remaining: 0,
    };
    return passes ? VERDICT.pass : VERDICT.drop;
  }

  /** The content header of a message. */
  header(frame: FrameCursor, bodyBytes: number): Verdict {
    const incoming = this.#incoming;
    if (incoming === undefined) return VERDICT.pass;
    if (this.#deliveries.closed) {
      this.#incoming = undefined;
      return VERDICT.pass;
    }
    const { to, method, exchange, routingKey } = incoming;
    const { queue, noAck } = to;
    const message = this.#host.book.read(frame, bodyBytes, { queue, noAck, exchange, routingKey });
    incoming.message = message;
    incoming.remaining = bodyBytes;
    if (method === undefined) {
      this.#passedAtOnce(incoming, message);
      return VERDICT.pass;
    }
    if (to.governed !== undefined && this.#holds(incoming, bodyBytes + (frame.end - frame.start))) {
      incoming.frames = [method, frame.copy()];
      if (bodyBytes === 0) this.#whole(incoming);
      return VERDICT.drop;
    }
    this.#sendAtOnce(incoming, method, message);
    return VERDICT.pass;
  }

  /** A body frame of a message. */
  body(frame: FrameCursor): Verdict {
    const incoming = this.#incoming;
    if (incoming === undefined) return VERDICT.pass;
    incoming.remaining -= frame.payloadEnd - frame.payloadStart;
    if (incoming.frames !== undefined) {
      incoming.frames.push(frame.copy());
      if (incoming.remaining === 0) this.#whole(incoming);
      return VERDICT.drop;
    }
    if (incoming.remaining === 0) this.#ended();
    return VERDICT.pass;
  }

  /** What was not whole yet is held no longer. */
  close(): void {
    if (this.#incoming?.frames !== undefined) this.#host.hold(-this.#incoming.bytes);
    this.#incoming = undefined;
  }

  /** On a channel that nobody governs: it is on its way, and remembered until it is settled. */
  #passedAtOnce({ to, brokerTag }: Incoming, message: Message): void {
    const { plain } = this.#deliveries;
    if (to.noAck) plain.lastTag = brokerTag;
    else if (!plain.add(brokerTag, message)) this.#host.context.counters.hit('unsettledDeliveries');
    this.#host.book.handedOut(message);
    this.#incoming = undefined;
  }

  /** Whether there is room to hold a message; it is counted then. */
  #holds(incoming: Incoming, contentBytes: number): boolean {
    const { hold, context } = this.#host;
    const bytes = contentBytes + (incoming.method?.length ?? 0);
    if (incoming.remaining > AMQP_FIXED_LIMITS.heldMessageBytes) return false;
    if (hold(0) + bytes > context.limits.maxAmqpHeldBytes) {
      context.counters.hit('maxAmqpHeldBytes');
      return false;
    }
    hold(bytes);
    incoming.bytes = bytes;
    return true;
  }

  #whole({ brokerTag, to, message, frames, tagAt: at, bytes }: Incoming): void {
    this.#incoming = undefined;
    const { governed } = this.#deliveries;
    if (message === undefined || frames === undefined || to.governed === undefined) return;
    const held: Held = { message, frames, tagAt: at, bytes };
    governed?.offer(offered(brokerTag, held, to.governed), this.#host.context.clock.nowMs());
    this.#host.due();
  }

  /** A message that is not held, on a channel where others are: with a tag of the client's. */
  #sendAtOnce({ to, brokerTag, tagAt: at }: Incoming, method: Buffer, message: Message): void {
    const deliveries = this.#deliveries;
    const { governed } = deliveries;
    if (governed === undefined) return;
    const nowMs = this.#host.context.clock.nowMs();
    if (to.governed !== undefined) deliveries.sendBefore(to.governed, message.classIndex, nowMs);
    const held: Held = { message, frames: [], tagAt: at, bytes: 0 };
    const clientTag = to.noAck
      ? governed.window.passTag()
      : governed.pass(offered(brokerTag, held, to.governed ?? governed.ungoverned), nowMs).clientTag;
    writeTag(method, at, clientTag);
    this.#host.toClient(method);
    this.#host.book.handedOut(message);
    if (message.bodyBytes === 0) this.#ended();
    else deliveries.busy = true;
  }

  #ended(): void {
    this.#incoming = undefined;
    this.#deliveries.busy = false;
    this.#host.due();
  }
}
