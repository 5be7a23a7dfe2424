import type net from 'node:net';
import { messageOf, PriomeshError } from '../core/index.ts';
import { AcceptedConnection } from './accepted-connection.ts';
import type { LiveSide, Side } from './exchange.ts';
import { adopt, type ByteStream, type ListenAddress, listen, Wire } from './io/index.ts';
import { FIXED_LIMITS } from './limits.ts';

/** The accepting end of one side, and the connections that it holds. */
export class Listener {
  readonly #live: LiveSide;
  readonly #server: net.Server;
  readonly #connections: Set<AcceptedConnection>;
  #whenEmpty: (() => void) | undefined;

  /** Listens. @throws PriomeshError LISTEN_FAILED, naming the address */
  static async open(live: LiveSide, address: ListenAddress): Promise<Listener> {
    const connections = new Set<AcceptedConnection>();
    const accept = (accepted: net.Socket): void => listener.#accept(accepted);
    const server = await listen(address, FIXED_LIMITS.listenBacklog, (accepted) => accept(accepted)).catch(
      (error: unknown) => {
        const where = `${address.host} port ${address.port}`;
        throw new PriomeshError('LISTEN_FAILED', `${live.current.name}: ${where}: ${messageOf(error)}`, {
          cause: error,
        });
      },
    );
    const listener: Listener = new Listener(live, server, connections);
    return listener;
  }

  constructor(live: LiveSide, server: net.Server, connections: Set<AcceptedConnection>) {
    this.#live = live;
    this.#server = server;
    this.#connections = connections;
    // Accepting can fail for want of descriptors; the listener goes on, and the connection is counted as turned away.
    server.on('error', () => this.#side.counters.hit('maxConnections'));
  }

  get #side(): Side {
    return this.#live.current;
  }

  get server(): net.Server {
    return this.#server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get connections(): ReadonlySet<AcceptedConnection> {
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
    const connection = new AcceptedConnection(
      this.#live,
      accepted.remoteAddress ?? '',
      this.#take,
      this.#gone,
    );
    const wire = new Wire(connection);
    wire.batches = true;
    const socket = adopt(accepted, wire.onread);
    if (socket === undefined) return;
    wire.attach(socket);
    this.#hold(connection, wire);
  }

  /** A stream of a link counts, is bounded and is drained as a connection is. */
  readonly #take = (stream: ByteStream, address: string): void => {
    const side = this.#side;
    side.counters.connectionsAccepted += 1;
    if (this.#connections.size >= side.limits.maxConnections + FIXED_LIMITS.turnedAwayConnections) {
      side.counters.hit('maxConnections');
      stream.destroy(true);
      return;
    }
    const connection = new AcceptedConnection(this.#live, address, this.#take, this.#gone);
    stream.owner = connection;
    this.#hold(connection, stream);
  };

  #hold(connection: AcceptedConnection, stream: ByteStream): void {
    const side = this.#side;
    this.#connections.add(connection);
    side.counters.connections = this.#connections.size;
    if (this.#connections.size > side.limits.maxConnections) {
      side.counters.hit('maxConnections');
      connection.turnAway(stream, 'TOO_MANY_CONNECTIONS');
    } else {
      connection.start(stream);
    }
  }

  readonly #gone = (connection: AcceptedConnection): void => {
    this.#connections.delete(connection);
    this.#side.counters.connections = this.#connections.size;
    if (this.#connections.size === 0) this.#whenEmpty?.();
  };

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
