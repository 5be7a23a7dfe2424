import type net from 'node:net';
import { messageOf } from '../../core/index.ts';
import { type StreamOwner, Timeout, Wire } from '../io/index.ts';
import type { AmqpContext } from './context.ts';
import { countIn } from './counters.ts';
import { Dialer } from './dialer.ts';
import { Farewell } from './farewell.ts';
import type { End } from './frame-rules.ts';
import { type Greeting, readGreeting } from './greeting.ts';
import { AMQP_FIXED_LIMITS } from './limits.ts';
import { AmqpFault, encodeMethod, PROTOCOL_HEADER } from './protocol/index.ts';
import { Session, type SessionOwner } from './session.ts';

/** What a normal `connection.close` says (AMQP 0-9-1 section 1.2). */
const REPLY_SUCCESS = 200;

/** Waiting for the protocol header; reaching the broker; passing frames; both ends say goodbye; passing TLS unread; gone. */
type Phase = 'greeting' | 'dialing' | 'frames' | 'closing' | 'unread' | 'closed';

/** A client's connection and the broker's connection that belongs to it: how they begin, and how they end. */
export class AmqpConnection implements SessionOwner {
  readonly #context: AmqpContext;
  readonly #gone: (connection: AmqpConnection) => void;
  readonly #client: Wire;
  readonly #timeout: Timeout;
  #broker: Wire | undefined;
  #dialer: Dialer | undefined;
  #session: Session | undefined;
  #phase: Phase = 'greeting';
  readonly #clientFarewell = new Farewell();
  readonly #brokerFarewell = new Farewell();
  /** `connection.close` has been seen, so that the end of a stream is no surprise. */
  #goodbye = false;

  constructor(context: AmqpContext, gone: (connection: AmqpConnection) => void) {
    this.#context = context;
    this.#gone = gone;
    this.#timeout = new Timeout(() => this.#timedOut());
    this.#client = new Wire({
      onBytes: () => this.#clientBytes(),
      onEnd: () => this.#clientGone(),
      onClosed: () => this.#clientGone(),
    });
    this.#client.streaming = true;
  }

  get onread(): net.OnReadOpts {
    return this.#client.onread;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** Begins to serve the accepted socket. */
  start(socket: net.Socket): void {
    this.#client.attach(socket);
    this.#within(this.#context.limits.headTimeoutMs);
  }

  /** Says goodbye to both ends: the sidecar is being shut down. */
  drain(): void {
    if (this.#phase === 'frames') {
      this.#sayGoodbye('client', new AmqpFault('connection-forced', 'the sidecar is being shut down'), 0);
    } else if (this.#phase !== 'closing') this.destroy();
  }

  /** Closes whatever is under way, at once. */
  destroy(): void {
    this.#session?.stop();
    this.#dialer?.cancel();
    this.#client.destroy();
    this.#broker?.destroy();
  }

  #within(ms: number): void {
    const { wheel } = this.#context;
    wheel.remove(this.#timeout);
    wheel.set(this.#timeout, wheel.nowMs + ms);
  }

  #timedOut(): void {
    if (this.#phase === 'greeting') this.#context.counters.hit('headTimeoutMs');
    else if (this.#phase === 'closing') this.#context.counters.hit('lingerMs');
    this.destroy();
  }

  #clientBytes(): void {
    switch (this.#phase) {
      case 'greeting':
        this.#greet();
        return;
      case 'dialing':
        // A client waits for the broker's first word. Reading goes on, so that one who leaves is noticed; but not for ever.
        if (this.#client.input.length > AMQP_FIXED_LIMITS.firstFrameBytes) this.#client.pause();
        return;
      case 'frames':
        this.#session?.onClientBytes();
        return;
      case 'unread':
        passAll(this.#client, this.#broker);
        return;
      default:
        this.#clientFarewell.onBytes(this.#client);
    }
  }

  #greet(): void {
    const { settings, counters, logger } = this.#context;
    const greeting: Greeting = readGreeting(this.#client.input);
    if (greeting === 'amqp') {
      this.#dial(settings.address, true);
    } else if (greeting === 'tls' && settings.tlsAddress !== undefined) {
      counters.tlsConnections += 1;
      this.#dial(settings.tlsAddress, false);
    } else if (greeting === 'tls') {
      logger.log('warn', 'a client of the message broker insists on TLS, but no TLS address is configured', {
        fix: 'Set broker.tlsAddress, or let the client connect without TLS: it only speaks to its own sidecar.',
      });
      this.destroy();
    } else if (greeting === 'other') {
      // AMQP 0-9-1 section 4.2.2: a server that does not speak the version that is asked for says which one it does, and closes.
      countIn(counters.faults, 'client protocol-header');
      this.#phase = 'closing';
      this.#client.end(Buffer.from(PROTOCOL_HEADER));
      this.#within(AMQP_FIXED_LIMITS.lingerMs);
    }
  }

  #dial(address: AmqpContext['settings']['address'], amqp: boolean): void {
    this.#context.wheel.remove(this.#timeout);
    this.#phase = 'dialing';
    this.#dialer = new Dialer(this.#context, address, amqp, {
      reached: (wire, handOver) => this.#reached(wire, handOver, amqp),
      notReached: () => {
        const { host, port } = address;
        this.#context.logger.log('error', 'the message broker cannot be reached; a client is sent away', {
          broker: `${host}:${port}`,
          waitedMs: this.#context.limits.amqpConnectTimeoutMs,
        });
        this.destroy();
      },
    });
  }

  #reached(broker: Wire, handOver: (owner: StreamOwner) => void, amqp: boolean): void {
    this.#dialer = undefined;
    this.#broker = broker;
    handOver({
      onBytes: () => this.#brokerBytes(),
      onEnd: () => this.#brokerGone(undefined),
      onClosed: (error) => this.#brokerGone(error),
    });
    if (amqp) {
      this.#phase = 'frames';
      this.#session = new Session(this.#context, this.#client, broker, this);
    } else {
      this.#phase = 'unread';
    }
    this.#client.resume();
    if (this.#client.input.length > 0) this.#clientBytes();
    if (broker.input.length > 0) this.#brokerBytes();
  }

  #brokerBytes(): void {
    const broker = this.#broker;
    if (broker === undefined) return;
    switch (this.#phase) {
      case 'frames':
        if (!this.#otherVersion(broker)) this.#session?.onBrokerBytes();
        return;
      case 'unread':
        passAll(broker, this.#client);
        return;
      default:
        this.#brokerFarewell.onBytes(broker);
    }
  }

  /** A broker that wants another version says so with a protocol header in place of the first frame, and closes. */
  #otherVersion(broker: Wire): boolean {
    const { input } = broker;
    if (input.length === 0 || input.bytes[input.start] !== PROTOCOL_HEADER[0]) return false;
    if (this.#session?.spoken !== false) return false;
    this.#phase = 'unread';
    passAll(broker, this.#client);
    return true;
  }

  // --- how it ends

  closing(): void {
    this.#goodbye = true;
  }

  closed(): void {
    this.#goodbye = true;
    this.#within(AMQP_FIXED_LIMITS.lingerMs);
  }

  faulty(end: End, fault: AmqpFault, methodId: number): void {
    const { counters, logger } = this.#context;
    countIn(counters.faults, `${end} ${fault.replyCode}`);
    logger.log('warn', 'an AMQP connection broke the protocol and is closed', {
      end,
      replyCode: fault.replyCode,
      cause: fault.message,
    });
    if (end === 'client') this.#sayGoodbye('client', fault, methodId);
    else this.#sayGoodbye('broker', new AmqpFault('internal', `the broker: ${fault.message}`), 0);
  }

  /**
   * Closes both ends as the protocol has it, and waits a moment for their answers.
   * @param at whose stream is not to be trusted any more
   */
  #sayGoodbye(at: End, fault: AmqpFault, methodId: number): void {
    if (this.#phase !== 'frames') return;
    const session = this.#session;
    const opened = session?.spoken === true;
    session?.stop();
    this.#phase = 'closing';
    this.#goodbye = true;
    this.#within(AMQP_FIXED_LIMITS.lingerMs);
    if (opened) {
      const close = { classId: methodId >>> 16, methodId: methodId & 0xffff };
      session.sendToClient(
        encodeMethod(0, 'connection.close', {
          replyCode: fault.replyCode,
          replyText: fault.replyText,
          ...close,
        }),
      );
    } else {
      this.#client.end();
    }
    const broker = this.#broker;
    if (broker === undefined || broker.closed) return;
    if (at === 'broker') broker.destroy();
    else {
      session?.sendToBroker(
        encodeMethod(0, 'connection.close', { replyCode: REPLY_SUCCESS, replyText: 'the client is gone' }),
      );
      broker.resume();
    }
    this.#client.resume();
  }

  /** The client has ended its stream or is gone: what it has sent still reaches the broker. */
  #clientGone(): void {
    if (this.#phase === 'closed') return;
    this.#dialer?.cancel();
    this.#session?.stop();
    if (this.#phase !== 'closing') {
      this.#phase = 'closing';
      this.#within(AMQP_FIXED_LIMITS.lingerMs);
    }
    this.#broker?.end();
    this.#client.end();
    this.#settle();
  }

  #brokerGone(error: Error | undefined): void {
    if (this.#phase === 'closed') return;
    if (this.#phase === 'frames' && !this.#goodbye && this.#session?.handshake.facts.open === true) {
      const { counters, logger, settings } = this.#context;
      counters.brokerLost += 1;
      logger.log('warn', 'the message broker was lost under a connection', {
        broker: `${settings.address.host}:${settings.address.port}`,
        cause: error === undefined ? 'it ended the stream' : messageOf(error),
      });
      this.#sayGoodbye('broker', new AmqpFault('connection-forced', 'the message broker is gone'), 0);
    } else if (this.#phase !== 'closing') {
      this.#session?.stop();
      this.#phase = 'closing';
      this.#client.end();
      this.#within(AMQP_FIXED_LIMITS.lingerMs);
    }
    this.#broker?.end();
    this.#settle();
  }

  /** When both sockets are gone, so is the connection. */
  #settle(): void {
    if (!this.#client.closed || this.#broker?.closed === false) return;
    this.#phase = 'closed';
    this.#context.wheel.remove(this.#timeout);
    this.#gone(this);
  }
}

/** Passes everything on as it is. */
function passAll(from: Wire, to: Wire | undefined): void {
  const { input } = from;
  if (to === undefined || input.length === 0) return;
  to.relay(from, input.start, input.end);
  input.consumeTo(input.end);
}
