import type { Address } from '../../config/index.ts';
import { messageOf } from '../../core/index.ts';
import { type StreamOwner, Timeout, Wire } from '../io/index.ts';
import type { AmqpContext } from './context.ts';
import { AMQP_FIXED_LIMITS } from './limits.ts';
import { PROTOCOL_HEADER } from './protocol/index.ts';

/** What becomes of an attempt to reach the broker. */
export interface DialOwner {
  /** The broker is there and has begun to speak (or, where it waits for the client, has accepted). From now on `answered` owns the wire. */
  reached(wire: Wire, handOver: (owner: StreamOwner) => void): void;
  /** Time is up. */
  notReached(): void;
}

/** One connection to the broker; its events go to whomever it is handed over to. */
class Attempt implements StreamOwner {
  readonly wire = new Wire(this);
  owner: StreamOwner;

  constructor(owner: StreamOwner) {
    this.owner = owner;
  }

  onBytes(): void {
    this.owner.onBytes();
  }

  onEnd(): void {
    this.owner.onEnd();
  }

  onClosed(error: Error | undefined): void {
    this.owner.onClosed(error);
  }
}

/**
 * Reaches the broker for one client. While the broker is away it tries again, with exponential back-off and jitter over the upper half
 * (Brooker, "Exponential Backoff And Jitter", 2015), for `amqpConnectTimeoutMs`.
 */
export class Dialer {
  readonly #context: AmqpContext;
  readonly #address: Address;
  /** Whether the broker speaks as soon as it has read the protocol header. */
  readonly #amqp: boolean;
  readonly #owner: DialOwner;
  readonly #timeout: Timeout;
  readonly #giveUpMs: number;
  #attempt: Attempt | undefined;
  #failures = 0;
  #over = false;

  constructor(context: AmqpContext, address: Address, amqp: boolean, owner: DialOwner) {
    this.#context = context;
    this.#address = address;
    this.#amqp = amqp;
    this.#owner = owner;
    this.#timeout = new Timeout((nowMs) => this.#due(nowMs));
    this.#giveUpMs = context.clock.nowMs() + context.limits.amqpConnectTimeoutMs;
    this.#dial();
  }

  /** Gives up: the client is gone. */
  cancel(): void {
    if (this.#over) return;
    this.#end();
    this.#attempt?.wire.destroy();
  }

  #end(): void {
    this.#over = true;
    this.#context.wheel.remove(this.#timeout);
  }

  #dial(): void {
    const { context, attempt } = { context: this.#context, attempt: this.#newAttempt() };
    this.#attempt = attempt;
    const socket = context.connect(this.#address, attempt.wire.onread);
    attempt.wire.attach(socket);
    if (this.#amqp) attempt.wire.send(PROTOCOL_HEADER);
    else socket.once('connect', () => this.#reached(attempt));
    const nowMs = context.clock.nowMs();
    context.wheel.set(this.#timeout, Math.min(nowMs + context.limits.connectTimeoutMs, this.#giveUpMs));
  }

  #newAttempt(): Attempt {
    const attempt: Attempt = new Attempt({
      onBytes: () => this.#reached(attempt),
      onEnd: () => attempt.wire.destroy(),
      onClosed: (error) => this.#failed(attempt, error),
    });
    attempt.wire.streaming = true;
    return attempt;
  }

  #reached(attempt: Attempt): void {
    if (this.#over || attempt !== this.#attempt) return;
    this.#end();
    if (this.#failures > 0) this.#context.counters.dialRecoveries += 1;
    this.#owner.reached(attempt.wire, (owner) => {
      attempt.owner = owner;
    });
  }

  #failed(attempt: Attempt, error: Error | undefined): void {
    if (this.#over || attempt !== this.#attempt) return;
    this.#attempt = undefined;
    const { counters, clock, random, wheel, logger } = this.#context;
    counters.dialFailures += 1;
    if (this.#failures === 0) {
      const { host, port } = this.#address;
      logger.log('warn', 'the message broker cannot be reached; trying again', {
        broker: `${host}:${port}`,
        cause: error === undefined ? 'it closed the connection' : messageOf(error),
      });
    }
    const { dialFirstMs, dialMostMs } = AMQP_FIXED_LIMITS;
    const wholeMs = Math.min(dialMostMs, dialFirstMs * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    const nowMs = clock.nowMs();
    if (nowMs >= this.#giveUpMs) this.#giveUp();
    else
      wheel.set(this.#timeout, Math.min(nowMs + wholeMs / 2 + (random.next() * wholeMs) / 2, this.#giveUpMs));
  }

  #due(nowMs: number): void {
    if (this.#over) return;
    if (nowMs >= this.#giveUpMs) this.#giveUp();
    else if (this.#attempt === undefined) this.#dial();
    // No answer in time: closing it leads to the next attempt.
    else this.#attempt.wire.destroy();
  }

  #giveUp(): void {
    const attempt = this.#attempt;
    this.#end();
    attempt?.wire.destroy();
    this.#context.counters.hit('amqpConnectTimeoutMs');
    this.#owner.notReached();
  }
}
