import { AMQP_FIXED_LIMITS } from './limits.ts';

/**
 * What a proxy has learnt about a queue: `prioritized` is a classic queue with priorities, for certain; `otherwise` exists as something
 * that cannot be made one.
 */
export type QueueKind = 'prioritized' | 'otherwise';

/** What a proxy has learnt about its broker: its queues, by virtual host and name (the one that was learnt longest ago goes first). */
export class KnownQueues {
  /** Whether `basic.qos` may bound a channel. RabbitMQ 4 lets its owner forbid that (deprecated feature `global_qos`). */
  channelBounds = true;
  readonly #kinds = new Map<string, QueueKind>();

  #key(virtualHost: string, queue: string): string {
    return `${virtualHost}\0${queue}`;
  }

  kindOf(virtualHost: string, queue: string): QueueKind | undefined {
    return this.#kinds.get(this.#key(virtualHost, queue));
  }

  /** @returns whether another queue had to be forgotten */
  learn(virtualHost: string, queue: string, kind: QueueKind): boolean {
    const key = this.#key(virtualHost, queue);
    this.#kinds.delete(key);
    this.#kinds.set(key, kind);
    if (this.#kinds.size <= AMQP_FIXED_LIMITS.knownQueues) return false;
    const oldest = this.#kinds.keys().next();
    if (oldest.done !== true) this.#kinds.delete(oldest.value);
    return true;
  }

  forget(virtualHost: string, queue: string): void {
    this.#kinds.delete(this.#key(virtualHost, queue));
  }
}
