import type net from 'node:net';
import { messageOf, PriomeshError } from '../core/index.ts';
import { CallerConnection } from './caller-connection.ts';
import type { Side } from './exchange.ts';
import { adopt, type ListenAddress, listen } from './io/index.ts';
import { FIXED_LIMITS } from './limits.ts';

/** The accepting end of one side, and the connections that it holds. */
export class Listener {
  readonly #side: Side;
  readonly #server: net.Server;
  readonly #connections: Set<CallerConnection>;
  #whenEmpty: (() => void) | undefined;

  /** Listens. @throws PriomeshError LISTEN_FAILED, naming the address */
  static async open(side: Side, address: ListenAddress): Promise<Listener> {
    const connections = new Set<CallerConnection>();
    const accept = (accepted: net.Socket): void => listener.#accept(accepted);
    const server = await listen(address, FIXED_LIMITS.listenBacklog, (accepted) => accept(accepted)).catch(
      (error: unknown) => {
        const where = `${address.host} port ${address.port}`;
        throw new PriomeshError('LISTEN_FAILED', `${side.name}: ${where}: ${messageOf(error)}`, {
          cause: error,
        });
      },
    );
    const listener: Listener = new Listener(side, server, connections);
    return listener;
  }

  constructor(side: Side, server: net.Server, connections: Set<CallerConnection>) {
    this.#side = side;
    this.#server = server;
    this.#connections = connections;
    // Accepting can fail for want of descriptors; the listener goes on, and the connection is counted as turned away.
    server.on('error', () => side.counters.hit('maxConnections'));
  }

  get server(): net.Server {
    return this.#server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get connections(): ReadonlySet<CallerConnection> {
    return this.#connections;
  }

  #accept(accepted: net.Socket): void {
    const side = this.#side;
    side.counters.connectionsAccepted += 1;
    if (this.#connections.size >= side.limits.maxConnections + FIXED_LIMITS.turnedAwayConnections) {
      side.counters.hit('maxConnections');
      accepted.destroy();
      return;
    }
    const connection = new CallerConnection(side, accepted.remoteAddress ?? '', (gone) => this.#gone(gone));
    const socket = adopt(accepted, connection.wire.onread);
    if (socket === undefined) return;
    this.#connections.add(connection);
    side.counters.connections = this.#connections.size;
    if (this.#connections.size > side.limits.maxConnections) {
      side.counters.hit('maxConnections');
      connection.turnAway(socket, 'TOO_MANY_CONNECTIONS');
    } else {
      connection.start(socket);
    }
  }

  #gone(connection: CallerConnection): void {
    this.#connections.delete(connection);
    this.#side.counters.connections = this.#connections.size;
    if (this.#connections.size === 0) this.#whenEmpty?.();
  }

  /** Accepts no more, lets running requests end, and resolves when the last connection is gone. */
  drain(): Promise<void> {
    this.#server.close();
    for (const connection of [...this.#connections]) connection.drain();
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  /** Closes every connection at once. */
  destroy(): void {
    this.#server.close();
    for (const connection of [...this.#connections]) connection.destroy();
  }
}
