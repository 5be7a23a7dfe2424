import { Timeout, type Wire } from '../io/index.ts';
import { AmqpChannel, type ChannelHost } from './amqp-channel.ts';
import { ClientSilence } from './client-silence.ts';
import type { AmqpContext } from './context.ts';
import { FrameCursor, VERDICT, type Verdict } from './frame-cursor.ts';
import { checkMethod, type End, frameFault, methodOf } from './frame-rules.ts';
import { Handshake } from './handshake.ts';
import { Outbox } from './outbox.ts';
import { OwnChannel } from './own-channel.ts';
import { AmqpFault, decodeMethod, FRAME, FRAME_OVERHEAD, METHOD } from './protocol/index.ts';
import { PublishEdit } from './publish.ts';

/** Who keeps a session: it is told when there is nothing left to pass. */
export interface SessionOwner {
  /** One end broke the protocol, in the method of this number (0 when in none). Nothing is read from it any more. */
  faulty(end: End, fault: AmqpFault, methodId: number): void;
  /** `connection.close` has passed, in either direction. */
  closing(): void;
  /** `connection.close-ok` has passed. */
  closed(): void;
}

/** How often a channel with something outstanding is looked at. */
const TICK_MS = 50;

/** RabbitMQ's answer to a consumer of a queue whose kind knows no bound for the channel. */
const NOT_IMPLEMENTED = 540;

/**
 * The frames of one connection in both directions. What needs no edit passes as the bytes that it is; everything that one read brought
 * leaves together. Frames of one direction never change their order, but for deliveries that are held back.
 */
export class Session {
  readonly context: AmqpContext;
  readonly handshake: Handshake;
  readonly channels = new Map<number, AmqpChannel>();
  readonly #client: Wire;
  readonly #broker: Wire;
  readonly #toClient: Outbox;
  readonly #toBroker: Outbox;
  readonly #owner: SessionOwner;
  readonly #clientFrame = new FrameCursor();
  readonly #brokerFrame = new FrameCursor();
  readonly #host: ChannelHost;
  #own = new OwnChannel(0, () => undefined);
  /** The client waits until something that it asked for has been tried on the own channel. */
  #clientHeld = false;
  #clientDue = false;
  #pumping = false;
  #over = false;
  #due: AmqpChannel | undefined;
  readonly #tick = new Timeout(() => this.#ticked());
  /** Bytes of deliveries that are held back. */
  heldBytes = 0;
  /** Whether the broker has said anything that the client could read. */
  spoken = false;
  readonly #silence: ClientSilence;

  constructor(context: AmqpContext, client: Wire, broker: Wire, owner: SessionOwner) {
    this.context = context;
    this.#client = client;
    this.#broker = broker;
    this.#owner = owner;
    this.#toClient = new Outbox(client, broker);
    this.#toBroker = new Outbox(broker, client);
    this.handshake = new Handshake(context.policy);
    this.#silence = new ClientSilence(this.handshake.facts, this.#toClient, context.wheel.nowMs);
    this.#host = {
      context,
      facts: this.handshake.facts,
      publishEdit: new PublishEdit(context),
      toClient: (frame) => this.#toClient.push(frame),
      toBroker: (frame) => this.#toBroker.push(frame),
      book: context.book,
      hold: (bytes) => {
        this.heldBytes += bytes;
        return this.heldBytes;
      },
      due: (channel) => {
        this.#due = channel;
      },
      ownChannel: () => this.#own,
      releaseClient: () => {
        this.#clientHeld = false;
        this.#clientDue = true;
      },
      channelGone: (number) => this.#channelGone(number),
    };
  }

  /** Passes nothing any more; what is held is forgotten. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.context.wheel.remove(this.#tick);
    for (const channel of this.channels.values()) channel.close();
    this.channels.clear();
  }

  /** The governed consumers, each with its queue and the state of its governor. */
  *governed(): Iterable<Readonly<Record<string, unknown>>> {
    for (const channel of this.channels.values()) {
      const { governed } = channel.deliveries;
      if (governed === undefined) continue;
      for (const consumer of channel.consumers.governed()) {
        const { queue, tag } = consumer;
        yield { queue, tag, ...governed.snapshotOf(consumer.governed) };
      }
    }
  }

  /** The client's wire has bytes. */
  onClientBytes(): void {
    if (this.#clientHeld) this.#client.pause();
    else this.#pump(() => this.#pumpClient());
  }

  /** The broker's wire has bytes. */
  onBrokerBytes(): void {
    this.#pump(() => this.#pumpBroker());
  }

  /** Runs something that may send frames in either direction, from a timer. */
  act(work: () => void): void {
    this.#pump(work);
  }

  /** Sends a frame of the proxy's own and everything before it. */
  sendToClient(frame: Buffer): void {
    this.#toClient.push(frame);
    this.#toClient.flush();
  }

  sendToBroker(frame: Buffer): void {
    this.#toBroker.push(frame);
    this.#toBroker.flush();
  }

  #pump(work: () => void): void {
    if (this.#over || this.#pumping) return;
    this.#pumping = true;
    work();
    while (this.#clientDue && !this.#over) {
      this.#clientDue = false;
      this.#pumpClient();
      // While a write to the broker is pending, its end resumes the client.
      if (!this.#clientHeld && this.#broker.flushed) this.#client.resume();
    }
    this.#pumping = false;
    this.#toClient.flush();
    this.#toBroker.flush();
    this.#silence.note(this.context.wheel.nowMs);
  }

  #pumpClient(): void {
    this.#read('client', this.#client, this.#toBroker, this.#clientFrame);
    if (this.#clientHeld) this.#client.pause();
  }

  #pumpBroker(): void {
    this.#read('broker', this.#broker, this.#toClient, this.#brokerFrame);
  }

  /** Reads the whole frames that a wire has, one after the other. */
  #read(end: End, wire: Wire, out: Outbox, frame: FrameCursor): void {
    const { input } = wire;
    // RabbitMQ, too, takes 8 bytes more: some clients leave the frame's own bytes out of the sum.
    const most = this.handshake.facts.frameMaxBytes + FRAME_OVERHEAD;
    const { counters } = this.context;
    let at = input.start;
    let found: ReturnType<FrameCursor['find']> = 'incomplete';
    let held = false;
    while (!this.#over) {
      found = frame.find(input.bytes, at, input.end, most);
      if (found !== 'frame') break;
      const verdict = this.#judge(end, frame);
      if (verdict === VERDICT.hold) {
        held = true;
        this.#clientHeld = true;
        break;
      }
      if (end === 'client') counters.framesFromClients += 1;
      else {
        counters.framesFromBroker += 1;
        this.spoken = true;
      }
      if (verdict === VERDICT.pass) out.pass(at, frame.end);
      at = frame.end;
      this.#afterFrame();
    }
    if (this.#over) return;
    out.flush();
    input.consumeTo(at);
    if (held) return;
    if (found !== 'incomplete' && found !== 'frame') {
      this.#fault(end, frameFault(found), 0);
    } else if (frame.end > 0) {
      input.expect(frame.end - at);
    }
  }

  #afterFrame(): void {
    const channel = this.#due;
    if (channel === undefined) return;
    this.#due = undefined;
    channel.afterFrame();
    this.#watch();
  }

  /** Looks again in a while, as long as something is outstanding: time alone may change what is to be done. */
  #watch(): void {
    const { wheel } = this.context;
    if (this.#tick.dueMs === Number.POSITIVE_INFINITY) wheel.set(this.#tick, wheel.nowMs + TICK_MS);
  }

  #ticked(): void {
    if (this.#over) return;
    const nowMs = this.context.clock.nowMs();
    let waits = false;
    this.#pump(() => {
      for (const channel of this.channels.values()) {
        if (!channel.deliveries.waits) continue;
        waits = true;
        channel.deliveries.tick(nowMs);
      }
    });
    if (waits) this.#watch();
  }

  #fault(end: End, fault: AmqpFault, methodId: number): void {
    this.#toClient.flush();
    this.#toBroker.flush();
    this.stop();
    this.#owner.faulty(end, fault, methodId);
  }

  #judge(end: End, frame: FrameCursor): Verdict {
    const id = methodOf(frame);
    try {
      if (id !== 0) checkMethod(frame, id, end);
      if (frame.channel === 0) return this.#connectionFrame(end, frame, id);
      if (end === 'client') return this.#channelOfClient(frame, id)?.fromClient(frame, id) ?? VERDICT.pass;
      if (frame.channel === this.#own.number) return this.#own.fromBroker(frame);
      return this.channels.get(frame.channel)?.fromBroker(frame, id) ?? VERDICT.pass;
    } catch (error) {
      if (!(error instanceof AmqpFault)) throw error;
      this.#faultInFrame(end, frame, error, id);
      return VERDICT.drop;
    }
  }

  /** A fault in the middle of a read: what came before it has been read and leaves; nothing after it is looked at. */
  #faultInFrame(end: End, frame: FrameCursor, fault: AmqpFault, methodId: number): void {
    const { input } = end === 'client' ? this.#client : this.#broker;
    this.#fault(end, fault, Math.max(0, methodId));
    input.consumeTo(frame.start);
  }

  #connectionFrame(end: End, frame: FrameCursor, id: number): Verdict {
    if (frame.type === FRAME.heartbeat) return VERDICT.pass;
    if (frame.type !== FRAME.method) throw new AmqpFault('unexpected-frame', 'content on channel 0');
    if (id === METHOD['connection.close']) {
      if (end === 'broker') this.#learn(frame);
      for (const channel of this.channels.values()) channel.close();
      this.#owner.closing();
      return VERDICT.pass;
    }
    if (id === METHOD['connection.close-ok']) {
      this.#owner.closed();
      return VERDICT.pass;
    }
    if (end === 'broker') return this.handshake.fromBroker(frame, (own) => this.#toClient.push(own));
    const verdict = this.handshake.fromClient(frame, (own) => this.#toBroker.push(own));
    const { ownChannel } = this.handshake.facts;
    if (ownChannel !== this.#own.number) {
      this.#own = new OwnChannel(ownChannel, (own) => this.#toBroker.push(own));
    }
    return verdict;
  }

  /** What a refusal tells about the broker, so that it does not come twice. */
  #learn(frame: FrameCursor): void {
    const { queues, logger } = this.context;
    const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
    if (method.name !== 'connection.close' || method.args.replyCode !== NOT_IMPLEMENTED) return;
    const { classId, methodId, replyText } = method.args;
    if (((classId << 16) | methodId) === METHOD['basic.qos']) {
      queues.channelBounds = false;
      logger.log(
        'warn',
        'the message broker allows no prefetch for a channel: it is governed in the sidecar alone',
        {
          broker: replyText,
        },
      );
    }
    for (const channel of this.channels.values()) channel.consumers.forgetPending();
  }

  #channelOfClient(frame: FrameCursor, id: number): AmqpChannel | undefined {
    const { facts } = this.handshake;
    if (frame.channel > facts.channelMax) {
      throw new AmqpFault(
        'channel',
        `channel ${frame.channel} is beyond the agreed maximum ${facts.channelMax}`,
      );
    }
    const known = this.channels.get(frame.channel);
    if (known !== undefined || id !== METHOD['channel.open'] || !facts.open) return known;
    const channel = new AmqpChannel(frame.channel, this.#host);
    this.channels.set(frame.channel, channel);
    return channel;
  }

  #channelGone(number: number): void {
    this.channels.get(number)?.close();
    this.channels.delete(number);
  }
}
