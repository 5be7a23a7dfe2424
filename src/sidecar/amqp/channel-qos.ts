import { AMQP_FIXED_LIMITS } from './limits.ts';
import { AmqpFault, encodeMethod } from './protocol/index.ts';

/** `basic.qos` counts in 16 bits; what is more is no limit. */
const MOST_PREFETCH = 65_535;

/** Who asked for something: the client gets an answer, the proxy keeps its own. */
interface Asked {
  readonly byClient: boolean;
  readonly sentMs: number;
}

/**
 * The prefetch of one channel: what the client asked for, what the broker has been told, and who waits for which `qos-ok`. RabbitMQ
 * takes `global` as one bound for the channel, which holds at once, and the other as a bound for each consumer begun from then on
 * ("Consumer Prefetch").
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
   * @param count what the broker is told in place of what the client asks for
   */
  byClient(global: boolean, wanted: number, count: number, prefetchSize: number, nowMs: number): Buffer {
    if (global) this.clientAll = wanted;
    else this.clientEach = wanted;
    this.#note(global, count, true, nowMs);
    return encodeMethod(this.#channel, 'basic.qos', { prefetchSize, prefetchCount: clip(count), global });
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
    this.#note(global, count, false, nowMs);
    this.#send(encodeMethod(this.#channel, 'basic.qos', { prefetchCount: clip(count), global }));
  }

  #note(global: boolean, count: number, byClient: boolean, nowMs: number): void {
    if (this.#asked.length >= AMQP_FIXED_LIMITS.pendingReplies) {
      throw new AmqpFault('resource', 'too many requests wait for an answer');
    }
    if (global) this.#all = clip(count);
    else this.#each = clip(count);
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
