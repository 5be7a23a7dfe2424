import { writeTag } from './content-phase.ts';
import type { AmqpContext } from './context.ts';
import type { Message, MessageBook } from './message.ts';
import { type Delivery, GovernedChannel, type GovernedConsumer, type Offered } from './prefetch/index.ts';
import { encodeMethod } from './protocol/index.ts';
import { Unsettled } from './unsettled.ts';

/** A channel that has seen more deliveries than this before its first governed consumer stays as it is. */
const MOST_REPLAYED = 1_000_000;

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
export interface Held {
  readonly message: Message;
  readonly frames: readonly Buffer[];
  /** Where the delivery tag stands in the method's frame. */
  readonly tagAt: number;
  readonly bytes: number;
}

/** What the window is told of a message. */
export function offered(
  brokerTag: number,
  payload: Held,
  consumer: GovernedConsumer,
): Offered<GovernedConsumer, Held> {
  const { classIndex, publishedMs } = payload.message;
  return { brokerTag, classIndex, publishedMs, bytes: payload.bytes, consumer, payload };
}

/**
 * The deliveries of one channel that are held, and those that the client has and has not settled. Without governed consumers deliveries pass
 * as they come and are only watched. With one, messages of governed consumers are held until the client has room, in the order of
 * their classes, and the client sees delivery tags of the proxy's own.
 */
export class ChannelDeliveries {
  readonly #channel: number;
  readonly #host: DeliveryHost;
  #governed: GovernedChannel<Held> | undefined;
  /** Those of a channel that nobody governs. */
  readonly plain = new Unsettled<Message>();
  /** The client is in the middle of a content on this channel. */
  busy = false;
  closed = false;
  /** How many settled deliveries the broker still counts, because their transaction is open. */
  uncommitted = 0;
  /** The most that the client may have unsettled by its own word; 0 for no bound. */
  clientAll = 0;

  constructor(channel: number, host: DeliveryHost) {
    this.#channel = channel;
    this.#host = host;
  }

  /** The governed side of the channel; begun with its first governed consumer. */
  get governed(): GovernedChannel<Held> | undefined {
    return this.#governed;
  }

  /** Makes the channel one that can govern. @returns nothing where it cannot: too much has passed unremembered */
  govern(nowMs: number): GovernedChannel<Held> | undefined {
    if (this.#governed !== undefined) return this.#governed;
    const { plain } = this;
    if (plain.incomplete || plain.lastTag > MOST_REPLAYED || this.uncommitted > 0) return undefined;
    const { broker, policy, limits } = this.#host.context;
    const governed = new GovernedChannel<Held>({
      classes: policy.classes.length,
      maxWindow: broker.maxPrefetch,
      starvationMs: broker.starvationMs,
      maxReach: limits.maxAmqpReach,
    });
    // The client's tags go on as they were: the broker's so far.
    let tag = 0;
    for (const [known, message] of plain.clear()) {
      while (tag < known - 1) tag = governed.window.passTag();
      const held: Held = { message, frames: [], tagAt: 0, bytes: 0 };
      tag = governed.pass(offered(known, held, governed.ungoverned), nowMs).clientTag;
    }
    while (tag < plain.lastTag) tag = governed.window.passTag();
    this.#governed = governed;
    return governed;
  }

  /** Gives the client what it has room for, and tells the broker what to send. */
  handOut(nowMs: number): void {
    const governed = this.#governed;
    if (governed === undefined || this.closed) return;
    while (!this.busy && (this.clientAll === 0 || governed.window.unsettled < this.clientAll)) {
      const delivery = governed.next(nowMs);
      if (delivery === undefined) break;
      this.#send(delivery);
    }
    this.#host.adjust(nowMs);
  }

  #send({ clientTag, payload }: Delivery<GovernedConsumer, Held>): void {
    const { toClient, hold, book } = this.#host;
    const [method, ...content] = payload.frames;
    if (method === undefined) return;
    writeTag(method, payload.tagAt, clientTag);
    toClient(method);
    for (const frame of content) toClient(frame);
    hold(-payload.bytes);
    book.handedOut(payload.message);
  }

  /** Before a message that cannot be held: those of its consumer that it must not overtake go now, whether there is room or not. */
  sendBefore(consumer: GovernedConsumer, classIndex: number, nowMs: number): void {
    const governed = this.#governed;
    if (governed === undefined) return;
    for (const { brokerTag, payload } of governed.window.dropConsumer(consumer)) {
      const again = offered(brokerTag, payload, consumer);
      if (payload.message.classIndex > classIndex) governed.window.offer(again, nowMs);
      else this.#send(governed.pass(again, nowMs));
    }
  }

  /** The broker has taken back all that was not settled (`basic.recover`). */
  takenBack(): void {
    const { book, hold } = this.#host;
    const { held, unsettled } = this.#governed?.clear() ?? { held: [], unsettled: [] };
    for (const { payload } of held) hold(-payload.bytes);
    for (const { payload } of unsettled) book.forget(payload.message);
    for (const [, message] of this.plain.clear()) book.forget(message);
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
    if (this.closed) return;
    this.closed = true;
    this.takenBack();
  }
}
