import type net from 'node:net';
import type { AnswerCode } from '../http1/index.ts';
import type { PoolOptions, SiblingKind, SiblingPool } from '../pools/index.ts';
import { type ClientOwner, Http2ClientConnection } from './client-connection.ts';
import type { ConnectionContext } from './connection/index.ts';
import { H2_LIMITS } from './limits.ts';
import { PairCache } from './protocol/index.ts';

/** Who waits for a connection that can carry a stream. */
export interface StreamWaiter {
  onConnection(connection: Http2ClientConnection): void;
  onConnectFailed(code: AnswerCode): void;
}

/** What repeats is the same on all connections of a process. */
export const PAIRS: PairCache = new PairCache();

/** The largest head of a response. */
const MAX_HEAD_BYTES = 32_768;

/** The connections of one class to one endpoint. As few as can carry what there is: many streams on one connection leave in one write. */
export class Http2Pool implements SiblingPool, ClientOwner {
  readonly #options: PoolOptions;
  readonly #context: ConnectionContext;
  readonly #all = new Set<Http2ClientConnection>();
  readonly #waiters: StreamWaiter[] = [];
  #connecting = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#context = {
      pairs: PAIRS,
      maxHeadBytes: MAX_HEAD_BYTES,
      nowMs: () => options.wheel.nowMs,
      hit: (limit) => options.hit(limit),
    };
  }

  get size(): number {
    return this.#all.size;
  }

  get idle(): number {
    let count = 0;
    for (const connection of this.#all) if (connection.connected && connection.openCount === 0) count += 1;
    return count;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  eachSocket(use: (socket: net.Socket) => void): void {
    for (const { wire } of this.#all) if (wire.socket !== undefined) use(wire.socket);
  }

  sampleSocket(): net.Socket | undefined {
    for (const { connected, wire } of this.#all) if (connected) return wire.socket;
    return undefined;
  }

  /**
   * A connection with room for a stream, or undefined: then the waiter hears later.
   * @returns 'full' when too many wait already
   */
  acquire(waiter: StreamWaiter): Http2ClientConnection | undefined | 'full' {
    if (this.#waiters.length === 0) {
      for (const connection of this.#all) if (connection.hasRoom) return connection;
    }
    if (this.#waiters.length >= this.#options.maxPendingRequests) {
      this.#options.hit('maxPendingRequests');
      return 'full';
    }
    this.#waiters.push(waiter);
    this.#grow();
    return undefined;
  }

  /** The waiter waits no more. */
  cancel(waiter: StreamWaiter): void {
    const index = this.#waiters.indexOf(waiter);
    if (index >= 0) this.#waiters.splice(index, 1);
  }

  destroy(): void {
    this.#closed = true;
    for (const connection of [...this.#all]) connection.wire.destroy();
  }

  available(connection: Http2ClientConnection): void {
    while (this.#waiters.length > 0 && connection.hasRoom) this.#waiters.shift()?.onConnection(connection);
  }

  carriesNothing(connection: Http2ClientConnection): void {
    const { wheel, idleTimeoutMs } = this.#options;
    if (this.#all.has(connection)) wheel.set(connection.timeout, wheel.nowMs + idleTimeoutMs);
  }

  retired(connection: Http2ClientConnection): void {
    if (connection.connected) this.#grow();
  }

  closed(connection: Http2ClientConnection): void {
    if (!this.#all.delete(connection)) return;
    if (!connection.connected) {
      this.#connecting -= 1;
      this.#waiters.shift()?.onConnectFailed('CONNECT_FAILED');
    }
    this.#grow();
  }

  timedOut(connection: Http2ClientConnection): void {
    if (connection.connected) {
      if (connection.openCount > 0) return;
      if (!connection.alive) {
        connection.wire.destroy();
        return;
      }
      this.#options.hit('idleTimeoutMs');
      connection.close();
      return;
    }
    this.#options.hit('connectTimeoutMs');
    this.#all.delete(connection);
    this.#connecting -= 1;
    connection.wire.destroy();
    this.#waiters.shift()?.onConnectFailed('CONNECT_TIMEOUT');
    this.#grow();
  }

  /** Opens connections for those who wait: one for as many streams as one carries. */
  #grow(): void {
    while (this.#connecting * H2_LIMITS.upstreamStreams < this.#waiters.length && !this.#closed) {
      if (this.#all.size >= this.#options.maxPoolConnections) {
        this.#options.hit('maxPoolConnections');
        return;
      }
      this.#open();
    }
  }

  #open(): void {
    const { wheel, connectTimeoutMs, connect } = this.#options;
    const connection = new Http2ClientConnection(this, wheel, this.#context, connect);
    this.#all.add(connection);
    this.#connecting += 1;
    connection.wire.socket?.once('connect', () => {
      if (!this.#all.has(connection)) return;
      this.#connecting -= 1;
      wheel.clear(connection.timeout);
      connection.begin();
      this.available(connection);
      if (connection.openCount === 0) this.carriesNothing(connection);
    });
    wheel.set(connection.timeout, wheel.nowMs + connectTimeoutMs);
  }
}

/** How an endpoint's pool of a class comes to have connections of HTTP/2. */
export const HTTP2_POOL: SiblingKind<Http2Pool> = { create: (options) => new Http2Pool(options) };
