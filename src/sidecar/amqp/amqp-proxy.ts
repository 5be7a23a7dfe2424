import net from 'node:net';
import { messageOf, PriomeshError } from '../../core/index.ts';
import { adopt, listen, Timeout } from '../io/index.ts';
import { FIXED_LIMITS } from '../limits.ts';
import { AmqpConnection } from './amqp-connection.ts';
import type { AmqpContext, AmqpProxyOptions } from './context.ts';
import { AmqpCounters } from './counters.ts';
import { KnownQueues } from './known-queues.ts';
import { AMQP_FIXED_LIMITS } from './limits.ts';
import { MessageBook } from './message.ts';
import { amqpStatistics } from './statistics.ts';

/**
 * Stands between AMQP 0-9-1 clients and their broker, and understands enough of what passes to give messages and queues the priorities
 * of the policy. Each client's connection has one connection to the broker. Clients need no change but the address.
 */
export class AmqpProxy {
  readonly #context: AmqpContext;
  readonly #server: net.Server;
  readonly #connections: Set<AmqpConnection>;
  #closing: Promise<void> | undefined;
  #whenEmpty: (() => void) | undefined;

  /** Listens. @throws PriomeshError LISTEN_FAILED, naming the address */
  static async open(options: AmqpProxyOptions): Promise<AmqpProxy> {
    const { host, port } = options.settings.listen;
    const connections = new Set<AmqpConnection>();
    const accept = (accepted: net.Socket): void => proxy.#accept(accepted);
    const server = await listen({ host, port }, FIXED_LIMITS.listenBacklog, (accepted) =>
      accept(accepted),
    ).catch((error: unknown) => {
      throw new PriomeshError('LISTEN_FAILED', `broker: ${host} port ${port}: ${messageOf(error)}`, {
        cause: error,
      });
    });
    const base: Omit<AmqpContext, 'book'> = {
      connect: (address, onread) => net.connect({ ...address, onread, noDelay: true }),
      ...options,
      broker: options.policy.broker,
      counters: new AmqpCounters(options.policy),
      queues: new KnownQueues(),
    };
    const context: AmqpContext = { ...base, book: new MessageBook(base) };
    const proxy: AmqpProxy = new AmqpProxy(context, server, connections);
    return proxy;
  }

  private constructor(context: AmqpContext, server: net.Server, connections: Set<AmqpConnection>) {
    this.#context = context;
    this.#server = server;
    this.#connections = connections;
    // Accepting can fail for want of descriptors; the listener goes on, and the connection is counted as turned away.
    server.on('error', () => context.counters.hit('maxAmqpConnections'));
  }

  /** Where clients connect. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  #accept(accepted: net.Socket): void {
    const { counters, limits } = this.#context;
    counters.connectionsAccepted += 1;
    if (this.#connections.size >= limits.maxAmqpConnections) {
      counters.hit('maxAmqpConnections');
      accepted.destroy();
      return;
    }
    const connection = new AmqpConnection(this.#context, (gone) => this.#gone(gone));
    const socket = adopt(accepted, connection.onread);
    if (socket === undefined) return;
    this.#connections.add(connection);
    connection.start(socket);
  }

  #gone(connection: AmqpConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#whenEmpty?.();
  }

  /** What it has counted so far; the value stands in the sidecar's statistics as `broker`. */
  statistics(): Readonly<Record<string, unknown>> {
    const consumers: Readonly<Record<string, unknown>>[] = [];
    const most = AMQP_FIXED_LIMITS.reportedConsumers;
    let channels = 0;
    let heldBytes = 0;
    for (const { session } of this.#connections) {
      if (session === undefined) continue;
      channels += session.channels.size;
      heldBytes += session.heldBytes;
      for (const consumer of session.governed()) {
        if (consumers.length < most) consumers.push(consumer);
      }
    }
    return amqpStatistics(
      this.#context,
      { connections: this.#connections.size, channels, heldBytes },
      consumers,
    );
  }

  /** Accepts no more, says goodbye to clients and broker, and resolves when the last connection is gone. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#server.close();
    for (const connection of [...this.#connections]) connection.drain();
    if (this.#connections.size === 0) return;
    const { wheel } = this.#context;
    const timeout = new Timeout(() => {
      for (const connection of [...this.#connections]) connection.destroy();
    });
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
      wheel.set(timeout, wheel.nowMs + 2 * AMQP_FIXED_LIMITS.lingerMs);
    });
    wheel.remove(timeout);
  }
}
