import { AMQP_FIXED_LIMITS } from './limits.ts';
import { AmqpFault, encodeMethod } from './protocol/index.ts';

/** `basic.qos` counts in 16 bits; what is more is no limit. */
const MOST_PREFETCH = 65_535;

/** Who asked for something: the client gets an answer, the proxy keeps its own. */
interface Asked {
  readonly byClient: boolean;
  readonly sentMs: number;
}

/** A bound, in the words of `basic.qos`. */
export interface Bound {
  readonly global: boolean;
  readonly count: number;
}

/**
 * The prefetch of one channel: what the client asked for, what the broker has been told, and who waits for which `qos-ok`. RabbitMQ
 * takes `global` as one bound for the channel, which holds at once, and the other as a bound for each consumer begun from then on
 * ("Consumer Prefetch"); the latter also takes away the former (`rabbit_channel`, `basic.qos`).
 */
export class ChannelQos {
  readonly #channel: number;
  readonly #send: (frame: Buffer) => void;
  /** What the client asked for: for each consumer, and for the channel; 0 is no limit. */
  clientEach = 0;
  clientAll = 0;
  #each = 0;
  #all = 0;
  /** Those who wait for an answer: the broker answers in the order of asking. */
  #asked: Asked[] = [];

  constructor(channel: number, send: (frame: Buffer) => void) {
    this.#channel = channel;
    this.#send = send;
  }

  /** What the broker was last told for the channel. */
  get all(): number {
    return this.#all;
  }

  /**
   * The client's own `basic.qos` goes to the broker, which answers it.
   * @param told what the broker is told in place of what the client asks for
   */
  byClient(wanted: Bound, told: Bound, nowMs: number): Buffer {
    this.clientAll = wanted.global ? wanted.count : 0;
    if (!wanted.global) this.clientEach = wanted.count;
    this.#note(told, true, nowMs);
    return this.#frame(told);
  }

  /** Tells the broker the bound for consumers begun from now on. */
  tellEach(count: number, nowMs: number): void {
    if (clip(count) !== this.#each) this.#tell(false, count, nowMs);
  }

  /** Tells the broker the bound for the channel. */
  tellAll(count: number, nowMs: number): void {
    if (clip(count) !== this.#all) this.#tell(true, count, nowMs);
  }

  #tell(global: boolean, count: number, nowMs: number): void {
    this.#note({ global, count }, false, nowMs);
    this.#send(this.#frame({ global, count }));
  }

  #frame({ global, count }: Bound): Buffer {
    return encodeMethod(this.#channel, 'basic.qos', { prefetchCount: clip(count), global });
  }

  #note({ global, count }: Bound, byClient: boolean, nowMs: number): void {
    if (this.#asked.length >= AMQP_FIXED_LIMITS.pendingReplies) {
      throw new AmqpFault('resource', 'too many requests wait for an answer');
    }
    if (global) this.#all = clip(count);
    else {
      this.#each = clip(count);
      this.#all = 0;
    }
    this.#asked.push({ byClient, sentMs: nowMs });
  }

  /** The broker answered. @returns who had asked; undefined when nobody had */
  answered(): Asked | undefined {
    return this.#asked.shift();
  }
}

function clip(count: number): number {
  return count > MOST_PREFETCH ? 0 : count;
}
