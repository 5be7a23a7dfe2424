import { tagAt, writeTag } from './content-phase.ts';
import type { AmqpContext } from './context.ts';
import { type FrameCursor, VERDICT, type Verdict } from './frame-cursor.ts';
import { AMQP_FIXED_LIMITS } from './limits.ts';
import type { Message, MessageBook, Outcome } from './message.ts';
import {
  type BrokerSettle,
  type Delivery,
  GovernedChannel,
  type GovernedConsumer,
} from './prefetch/index.ts';
import { AmqpFault, encodeMethod, METHOD } from './protocol/index.ts';
import { Unsettled } from './unsettled.ts';

/** Bytes of a method's number, at the start of its payload. */
const ID_BYTES = 4;
const TAG_BYTES = 8;
const MULTIPLE = 1;
/** A tag that no broker has used; what a client makes up is answered as the broker would answer it. */
const UNKNOWN_TAG = 2 ** 53 - 1;
/** A channel that has seen more deliveries than this before its first governed consumer stays as it is. */
const MOST_REPLAYED = 1_000_000;

/** A consumer as its deliveries know it. */
export interface Recipient {
  readonly queue: string;
  readonly noAck: boolean;
  readonly governed: GovernedConsumer | undefined;
}

/** What deliveries act through. */
export interface DeliveryHost {
  readonly context: AmqpContext;
  readonly book: MessageBook;
  readonly toClient: (frame: Buffer) => void;
  /** Sends the broker a method of the proxy's own on this channel, as soon as one may stand there. */
  readonly inject: (frame: Buffer) => void;
  /** Sends the broker a frame in place of one of the client's. */
  readonly replace: (frame: Buffer) => void;
  /** Counts bytes that are held or are no longer. @returns how many the connection holds */
  readonly hold: (bytes: number) => number;
  /** Has {@link ChannelDeliveries.handOut} called when the frame that is being looked at has been passed on. */
  readonly due: () => void;
  /** Something may have changed what the broker should send. */
  readonly adjust: (nowMs: number) => void;
}

/** A message with its frames, the method first. */
interface Held {
  readonly message: Message;
  readonly frames: readonly Buffer[];
  /** Where the delivery tag stands in the method's frame. */
  readonly tagAt: number;
  readonly bytes: number;
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

type Settled = Delivery<GovernedConsumer, Held>;

/** What a transaction has settled and not committed. */
interface Uncommitted {
  readonly outcome: Outcome;
  readonly governed: readonly Settled[];
  readonly plain: readonly (readonly [number, Message])[];
}

/**
 * The deliveries of one channel, from the broker to the client and back. Without governed consumers they pass as they come and are only
 * watched. With one, messages of governed consumers are held until the client has room, in the order of their classes, and the client
 * sees delivery tags of the proxy's own.
 */
export class ChannelDeliveries {
  readonly #channel: number;
  readonly #host: DeliveryHost;
  readonly #plain = new Unsettled<Message>();
  #governed: GovernedChannel<Held> | undefined;
  #incoming: Incoming | undefined;
  /** The client is in the middle of a content on this channel. */
  #busy = false;
  #closed = false;
  /** What the client's transaction has settled so far; undefined outside transactions. */
  #uncommitted: Uncommitted[] | undefined;
  #uncommittedCount = 0;
  /** The most that the client may have unsettled by its own word; 0 for no bound. */
  clientAll = 0;
  /** A tag that the client made up, and the one that the broker was sent for it: its complaint names that one. */
  madeUp: { readonly tag: number; readonly sent: number } | undefined;

  constructor(channel: number, host: DeliveryHost) {
    this.#channel = channel;
    this.#host = host;
  }

  /** The governed side of the channel; begun with its first governed consumer. */
  get governed(): GovernedChannel<Held> | undefined {
    return this.#governed;
  }

  /** How many settled deliveries the broker still counts, because their transaction is open. */
  get uncommitted(): number {
    return this.#uncommittedCount;
  }

  /** Makes the channel one that can govern. @returns nothing where it cannot: too much has passed unremembered */
  govern(nowMs: number): GovernedChannel<Held> | undefined {
    if (this.#governed !== undefined) return this.#governed;
    const { context } = this.#host;
    if (this.#plain.incomplete || this.#plain.lastTag > MOST_REPLAYED || this.#uncommittedCount > 0) {
      return undefined;
    }
    const { broker, policy, limits } = context;
    const governed = new GovernedChannel<Held>({
      classes: policy.classes.length,
      maxWindow: broker.maxPrefetch,
      starvationMs: broker.starvationMs,
      maxReach: limits.maxAmqpReach,
    });
    // The client's tags go on as they were: the broker's so far.
    let tag = 0;
    for (const [known, message] of this.#plain.clear()) {
      while (tag < known - 1) tag = governed.window.passTag();
      const held: Held = { message, frames: [], tagAt: 0, bytes: 0 };
      tag = governed.pass(offered(known, held, governed.ungoverned), nowMs).clientTag;
    }
    while (tag < this.#plain.lastTag) tag = governed.window.passTag();
    this.#governed = governed;
    return governed;
  }

  // --- from the broker

  /** `basic.deliver` or `basic.get-ok`: content follows. @throws AmqpFault `syntax` */
  begin(frame: FrameCursor, id: number, to: Recipient): Verdict {
    let tagAtByte = frame.payloadStart + ID_BYTES;
    if (id === METHOD['basic.deliver']) tagAtByte += 1 + (frame.bytes[tagAtByte] ?? 0);
    if (tagAtByte + TAG_BYTES >= frame.payloadEnd) throw new AmqpFault('syntax', 'a delivery without a tag');
    // A client that is closing the channel looks at nothing that still comes.
    const passes = this.#governed === undefined || this.#closed;
    this.#incoming = {
      brokerTag: tagAt(frame.bytes, tagAtByte),
      to,
      ...this.#host.book.targetOf(frame),
      method: passes ? undefined : frame.copy(),
      tagAt: tagAtByte - frame.start,
      message: undefined,
      frames: undefined,
      bytes: 0,
      remaining: 0,
    };
    return passes ? VERDICT.pass : VERDICT.drop;
  }

  /** The content header of a delivery. */
  header(frame: FrameCursor, bodyBytes: number): Verdict {
    const incoming = this.#incoming;
    if (incoming === undefined) return VERDICT.pass;
    const { book, hold, context } = this.#host;
    const { to, method, brokerTag, exchange, routingKey } = incoming;
    if (this.#closed) {
      this.#incoming = undefined;
      return VERDICT.pass;
    }
    const message = book.read(frame, bodyBytes, { queue: to.queue, noAck: to.noAck, exchange, routingKey });
    incoming.message = message;
    incoming.remaining = bodyBytes;
    if (method === undefined || this.#governed === undefined) {
      if (to.noAck) this.#plain.lastTag = brokerTag;
      else if (!this.#plain.add(brokerTag, message)) context.counters.hit('unsettledDeliveries');
      book.handedOut(message);
      this.#incoming = undefined;
      return VERDICT.pass;
    }
    const bytes = bodyBytes + (frame.end - frame.start) + method.length;
    if (to.governed !== undefined && bodyBytes <= AMQP_FIXED_LIMITS.heldMessageBytes) {
      if (hold(0) + bytes <= context.limits.maxAmqpHeldBytes) {
        hold(bytes);
        incoming.bytes = bytes;
        incoming.frames = [method, frame.copy()];
        if (bodyBytes === 0) this.#held(incoming);
        return VERDICT.drop;
      }
      context.counters.hit('maxAmqpHeldBytes');
    }
    if (to.governed !== undefined) this.#sendBefore(to.governed, message.classIndex);
    this.#passAtOnce(incoming, method, message);
    this.#busy = bodyBytes > 0;
    if (!this.#busy) this.#host.due();
    return VERDICT.pass;
  }

  /** A body frame of a delivery. */
  body(frame: FrameCursor): Verdict {
    const incoming = this.#incoming;
    if (incoming === undefined) return VERDICT.pass;
    incoming.remaining -= frame.payloadEnd - frame.payloadStart;
    if (incoming.frames !== undefined) {
      incoming.frames.push(frame.copy());
      if (incoming.remaining === 0) this.#held(incoming);
      return VERDICT.drop;
    }
    if (incoming.remaining === 0) {
      this.#incoming = undefined;
      this.#busy = false;
      this.#host.due();
    }
    return VERDICT.pass;
  }

  /** A message that cannot be held overtakes none of its class: those go before it, whether there is room or not. */
  #sendBefore(consumer: GovernedConsumer, classIndex: number): void {
    const governed = this.#governed;
    if (governed === undefined) return;
    const nowMs = this.#host.context.clock.nowMs();
    for (const { brokerTag, payload } of governed.window.dropConsumer(consumer)) {
      const again = offered(brokerTag, payload, consumer);
      if (payload.message.classIndex > classIndex) governed.window.offer(again, nowMs);
      else this.#send(governed.pass(again, nowMs));
    }
  }

  #passAtOnce(incoming: Incoming, method: Buffer, message: Message): void {
    const governed = this.#governed;
    if (governed === undefined) return;
    const { to, brokerTag, tagAt: at } = incoming;
    const nowMs = this.#host.context.clock.nowMs();
    const held: Held = { message, frames: [], tagAt: at, bytes: 0 };
    const clientTag = to.noAck
      ? governed.window.passTag()
      : governed.pass(offered(brokerTag, held, to.governed ?? governed.ungoverned), nowMs).clientTag;
    writeTag(method, at, clientTag);
    this.#host.toClient(method);
    this.#host.book.handedOut(message);
    if (message.bodyBytes === 0) this.#incoming = undefined;
  }

  #held({ brokerTag, to, message, frames, tagAt: at, bytes }: Incoming): void {
    this.#incoming = undefined;
    const governed = this.#governed;
    if (message === undefined || frames === undefined || governed === undefined || to.governed === undefined)
      return;
    const nowMs = this.#host.context.clock.nowMs();
    governed.offer(offered(brokerTag, { message, frames, tagAt: at, bytes }, to.governed), nowMs);
    this.#host.due();
  }

  /** Gives the client what it has room for, and tells the broker what to send. */
  handOut(nowMs: number): void {
    const governed = this.#governed;
    if (governed === undefined || this.#closed) return;
    while (!this.#busy && (this.clientAll === 0 || governed.window.unsettled < this.clientAll)) {
      const delivery = governed.next(nowMs);
      if (delivery === undefined) break;
      this.#send(delivery);
    }
    this.#host.adjust(nowMs);
  }

  #send({ clientTag, payload }: Settled): void {
    const { toClient, hold, book } = this.#host;
    const [method, ...content] = payload.frames;
    if (method === undefined) return;
    writeTag(method, payload.tagAt, clientTag);
    toClient(method);
    for (const frame of content) toClient(frame);
    hold(-payload.bytes);
    book.handedOut(payload.message);
  }

  // --- from the client

  /** `basic.ack`, `basic.nack` or `basic.reject`. @throws AmqpFault `syntax` */
  settle(frame: FrameCursor, id: number): Verdict {
    const at = frame.payloadStart + ID_BYTES;
    if (frame.payloadEnd !== at + TAG_BYTES + 1)
      throw new AmqpFault('syntax', 'a settlement of the wrong size');
    const tag = tagAt(frame.bytes, at);
    const bits = frame.bytes[at + TAG_BYTES] ?? 0;
    const rejects = id === METHOD['basic.reject'];
    const multiple = !rejects && (bits & MULTIPLE) !== 0;
    const requeues = id !== METHOD['basic.ack'] && (bits & (rejects ? 1 : 2)) !== 0;
    const outcome = id === METHOD['basic.ack'] ? 'acked' : requeues ? 'requeued' : 'rejected';
    const governed = this.#governed;
    if (governed === undefined) {
      this.#settled({ outcome, governed: [], plain: this.#plain.settle(tag, multiple) });
      return VERDICT.pass;
    }
    const { context, replace } = this.#host;
    const nowMs = context.clock.nowMs();
    const settlement = governed.settle(tag, multiple, nowMs);
    const methods: readonly BrokerSettle[] = settlement?.toBroker ?? [{ brokerTag: UNKNOWN_TAG, multiple }];
    if (settlement === undefined) this.madeUp = { tag, sent: UNKNOWN_TAG };
    const [only] = methods;
    const same =
      (methods.length === 1 && only?.brokerTag === tag && only.multiple === multiple) ||
      (tag === 0 && !multiple);
    if (!same) {
      for (const method of methods) replace(this.#settlement(id, method, requeues));
    }
    if (settlement !== undefined) this.#settled({ outcome, governed: settlement.deliveries, plain: [] });
    this.#host.due();
    return same ? VERDICT.pass : VERDICT.drop;
  }

  #settlement(id: number, { brokerTag, multiple }: BrokerSettle, requeue: boolean): Buffer {
    if (id === METHOD['basic.ack']) {
      return encodeMethod(this.#channel, 'basic.ack', { deliveryTag: brokerTag, multiple });
    }
    if (id === METHOD['basic.nack'] || multiple) {
      return encodeMethod(this.#channel, 'basic.nack', { deliveryTag: brokerTag, multiple, requeue });
    }
    return encodeMethod(this.#channel, 'basic.reject', { deliveryTag: brokerTag, requeue });
  }

  #settled(settled: Uncommitted): void {
    const count = settled.governed.length + settled.plain.length;
    if (count === 0) return;
    if (this.#uncommitted === undefined) {
      this.#count(settled);
      return;
    }
    this.#uncommittedCount += count;
    if (this.#uncommittedCount > AMQP_FIXED_LIMITS.unsettledDeliveries) {
      throw new AmqpFault('resource', 'a transaction settles too many messages');
    }
    this.#uncommitted.push(settled);
  }

  #count({ outcome, governed, plain }: Uncommitted): void {
    const { book } = this.#host;
    for (const { payload } of governed) book.settled(payload.message, outcome);
    for (const [, message] of plain) book.settled(message, outcome);
  }

  /** `tx.select`, `tx.commit` and `tx.rollback`: what was settled counts only when it is committed (AMQP 0-9-1, class `tx`). */
  transaction(step: 'select' | 'commit' | 'rollback'): void {
    const uncommitted = this.#uncommitted ?? [];
    this.#uncommitted = [];
    this.#uncommittedCount = 0;
    if (step === 'commit') for (const settled of uncommitted) this.#count(settled);
    if (step === 'rollback') {
      for (const { governed, plain } of uncommitted) {
        this.#governed?.restore(governed);
        this.#plain.restore(plain);
      }
    }
    this.#host.due();
  }

  /** The broker has taken back all that was not settled (`basic.recover`). */
  takenBack(): void {
    const { book, hold } = this.#host;
    const { held, unsettled } = this.#governed?.clear() ?? { held: [], unsettled: [] };
    for (const { payload } of held) hold(-payload.bytes);
    for (const { payload } of unsettled) book.forget(payload.message);
    for (const [, message] of this.#plain.clear()) book.forget(message);
  }

  /** A consumer is gone by the client's wish: what was held for it goes back to the broker. */
  giveBack(consumer: GovernedConsumer, nowMs: number): void {
    const { hold, inject } = this.#host;
    for (const { brokerTag, payload } of this.#governed?.removeConsumer(consumer) ?? []) {
      hold(-payload.bytes);
      inject(encodeMethod(this.#channel, 'basic.nack', { deliveryTag: brokerTag, requeue: true }));
    }
    this.handOut(nowMs);
  }

  /** A consumer is gone by the broker's doing: the client gets what was sent to it before. */
  flush(consumer: GovernedConsumer, nowMs: number): void {
    const governed = this.#governed;
    if (governed === undefined) return;
    for (const { brokerTag, payload } of governed.removeConsumer(consumer)) {
      this.#send(governed.pass(offered(brokerTag, payload, governed.ungoverned), nowMs));
    }
    this.handOut(nowMs);
  }

  /** Whether time matters: something is outstanding that is governed. */
  get waits(): boolean {
    const window = this.#governed?.window;
    return window !== undefined && window.held + window.unsettled > 0;
  }

  /** Some time has passed. */
  tick(nowMs: number): void {
    this.#governed?.tick(nowMs);
    this.handOut(nowMs);
  }

  /** The channel is closed, or about to be: the broker takes everything back by itself. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { book, hold } = this.#host;
    if (this.#incoming?.frames !== undefined) hold(-this.#incoming.bytes);
    this.#incoming = undefined;
    for (const settled of this.#uncommitted ?? []) {
      for (const { payload } of settled.governed) book.forget(payload.message);
      for (const [, message] of settled.plain) book.forget(message);
    }
    this.#uncommitted = undefined;
    this.takenBack();
  }
}

function offered(brokerTag: number, payload: Held, consumer: GovernedConsumer) {
  const { classIndex, publishedMs } = payload.message;
  return { brokerTag, classIndex, publishedMs, bytes: payload.bytes, consumer, payload };
}
