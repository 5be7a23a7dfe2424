import type net from 'node:net';
import type { AnswerCode } from '../http1/index.ts';
import { type ByteStream, type StreamOwner, type TimerWheel, Wire } from '../io/index.ts';
import type { CountedLimit } from '../limits.ts';
import { type ConnectionOwner, UpstreamConnection } from './upstream-connection.ts';

/** Who waits for a connection. */
export interface PoolWaiter {
  /** The class of its request. */
  readonly classIndex?: number;
  onConnection(connection: UpstreamConnection): void;
  onConnectFailed(code: AnswerCode): void;
}

/** Streams to the endpoint that share a socket, where it has any; they are used like connections. */
export interface StreamSource {
  /** Whether a stream can be opened now. */
  readonly ready: boolean;
  /** Sees to it that there may be some later. Nobody waits for that. */
  want(): void;
  /** Whom to tell when streams can be opened that could not before, and when some should not be used again. */
  whenChanged(changed: () => void): void;
  /** Opens one, which can be used at once. To be called while {@link ready}. */
  openStream(owner: StreamOwner, classIndex: number): ByteStream;
  eachSocket(use: (socket: net.Socket) => void): void;
  destroy(): void;
}

/** What a pool needs from outside. */
export interface PoolOptions {
  readonly wheel: TimerWheel;
  readonly maxPoolConnections: number;
  readonly maxIdleConnections: number;
  readonly maxPendingRequests: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Opens a socket that reads with `onread`; the class's profile stands before its SYN. */
  connect(onread: net.OnReadOpts): net.Socket;
  /** Absent where each connection has a socket of its own. */
  readonly streams?: StreamSource;
  hit(limit: CountedLimit): void;
}

/** Connections of another protocol to the same endpoint, opened with the same profile. */
export interface SiblingPool {
  /** All connections, the connecting ones too. */
  readonly size: number;
  /** Connections that carry nothing now. */
  readonly idle: number;
  /** Requests that wait for one. */
  readonly waiting: number;
  /** Hands over the socket of every connection, also of those that are connecting. */
  eachSocket(use: (socket: net.Socket) => void): void;
  /** A connected socket, for samples of its transport. */
  sampleSocket(): net.Socket | undefined;
  /** Closes everything. */
  destroy(): void;
}

/** A protocol's way of making its pool; compared by identity. */
export interface SiblingKind<Pool extends SiblingPool> {
  create(options: PoolOptions): Pool;
}

/** An upstream's announced idle time is not used to the last moment: the close may already be under way. */
const KEEP_ALIVE_SAFETY_MS = 1000;

/**
 * The connections of one class to one endpoint. The one used last is used first, so that the others grow idle and go;
 * those who wait are served first come first served.
 */
export class ConnectionPool implements ConnectionOwner {
  readonly #options: PoolOptions;
  readonly #idle: UpstreamConnection[] = [];
  readonly #all = new Set<UpstreamConnection>();
  readonly #waiters: PoolWaiter[] = [];
  readonly #siblings = new Map<SiblingKind<SiblingPool>, SiblingPool>();
  #connecting = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    options.streams?.whenChanged(() => this.#streamsChanged());
  }

  /** All connections, the connecting ones and those of other protocols too. */
  get size(): number {
    return this.#sum(this.#all.size, ({ size }) => size);
  }

  get idle(): number {
    return this.#sum(this.#idle.length, ({ idle }) => idle);
  }

  get waiting(): number {
    return this.#sum(this.#waiters.length, ({ waiting }) => waiting);
  }

  #sum(own: number, of: (pool: SiblingPool) => number): number {
    let sum = own;
    for (const pool of this.#siblings.values()) sum += of(pool);
    return sum;
  }

  /** The connections of another protocol to the same endpoint with the same profile; made when first asked for. */
  sibling<Pool extends SiblingPool>(kind: SiblingKind<Pool>): Pool {
    // The map holds for each kind what that kind made.
    const known = this.#siblings.get(kind) as Pool | undefined;
    if (known !== undefined) return known;
    const made = kind.create(this.#options);
    this.#siblings.set(kind, made);
    return made;
  }

  /** A connected socket, for samples of its transport; undefined when there is none. */
  sampleSocket(): net.Socket | undefined {
    for (const connection of this.#all) if (connection.connected) return connection.wire.socket;
    for (const pool of this.#siblings.values()) {
      const socket = pool.sampleSocket();
      if (socket !== undefined) return socket;
    }
    return undefined;
  }

  /** Hands over the socket of every connection, also of those that are connecting. */
  eachSocket(use: (socket: net.Socket) => void): void {
    this.#options.streams?.eachSocket(use);
    for (const { wire, shares } of this.#all) if (!shares && wire.socket !== undefined) use(wire.socket);
    for (const pool of this.#siblings.values()) pool.eachSocket(use);
  }

  /**
   * Takes a connection, or undefined: then the waiter hears later.
   * @param fresh never an idle one: it waits for a new one, or for one that has just carried a whole response
   * @returns 'full' when too many wait already
   */
  acquire(waiter: PoolWaiter, fresh: boolean): UpstreamConnection | undefined | 'full' {
    if (!fresh) {
      const connection = this.#idle.pop();
      if (connection !== undefined) {
        if (!connection.shares) this.#options.streams?.want();
        return this.#use(connection, waiter);
      }
    }
    const carried = this.#openStream(waiter);
    if (carried !== undefined) return carried;
    if (this.#waiters.length >= this.#options.maxPendingRequests) {
      this.#options.hit('maxPendingRequests');
      return 'full';
    }
    this.#waiters.push(waiter);
    this.#grow();
    return undefined;
  }

  /** The waiter waits no more. */
  cancel(waiter: PoolWaiter): void {
    const index = this.#waiters.indexOf(waiter);
    if (index >= 0) this.#waiters.splice(index, 1);
  }

  /** Gives a connection back that can carry another request. */
  release(connection: UpstreamConnection): void {
    connection.user = undefined;
    connection.wire.streaming = false;
    connection.wire.input.shrink();
    if (this.#closed || connection.wire.closed || connection.wire.retiring === true) {
      this.discard(connection);
      return;
    }
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.onConnection(this.#use(connection, waiter));
      return;
    }
    const superseded = !connection.shares && this.#options.streams?.ready === true;
    if (superseded || this.#idle.length >= this.#options.maxIdleConnections) {
      this.discard(connection);
      return;
    }
    const { wheel, idleTimeoutMs } = this.#options;
    this.#idle.push(connection);
    const idleMs = Math.min(idleTimeoutMs, Math.max(0, connection.keepAliveMs - KEEP_ALIVE_SAFETY_MS));
    wheel.set(connection.timeout, wheel.nowMs + idleMs);
  }

  /** Closes a connection that can't carry another request. */
  discard(connection: UpstreamConnection): void {
    connection.user = undefined;
    this.#forget(connection);
    connection.wire.destroy();
    this.#grow();
  }

  /** Closes everything. */
  destroy(): void {
    this.#closed = true;
    for (const connection of [...this.#all]) this.discard(connection);
    this.#options.streams?.destroy();
    for (const pool of this.#siblings.values()) pool.destroy();
  }

  spoiled(connection: UpstreamConnection): void {
    this.discard(connection);
  }

  timedOut(connection: UpstreamConnection): void {
    if (connection.connected) {
      if (connection.user === undefined) {
        this.#options.hit('idleTimeoutMs');
        this.discard(connection);
      }
      return;
    }
    this.#options.hit('connectTimeoutMs');
    this.#forget(connection);
    connection.wire.destroy();
    this.#failOne('CONNECT_TIMEOUT');
    this.#grow();
  }

  closed(connection: UpstreamConnection, _error: Error | undefined): void {
    if (!this.#all.has(connection)) return;
    const wasConnecting = !connection.connected;
    this.#forget(connection);
    if (wasConnecting) this.#failOne('CONNECT_FAILED');
    this.#grow();
  }

  #use(connection: UpstreamConnection, { classIndex = 0 }: PoolWaiter): UpstreamConnection {
    this.#options.wheel.clear(connection.timeout);
    if (connection.shares) connection.wire.classIndex = classIndex;
    return connection;
  }

  #failOne(code: AnswerCode): void {
    this.#waiters.shift()?.onConnectFailed(code);
  }

  #forget(connection: UpstreamConnection): void {
    if (!this.#all.delete(connection)) return;
    if (!connection.connected) this.#connecting -= 1;
    this.#options.wheel.remove(connection.timeout);
    const index = this.#idle.lastIndexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  /** A stream on a socket that others share, where that can be had at once. */
  #openStream({ classIndex = 0 }: PoolWaiter): UpstreamConnection | undefined {
    const { streams, maxPoolConnections } = this.#options;
    if (streams === undefined || this.#closed) return undefined;
    if (!streams.ready) {
      streams.want();
      return undefined;
    }
    if (this.#all.size >= maxPoolConnections) return undefined;
    const connection = new UpstreamConnection(this);
    connection.attach(streams.openStream(connection, classIndex));
    connection.connected = true;
    connection.shares = true;
    this.#all.add(connection);
    return connection;
  }

  /** Where requests go on streams now, idle sockets of their own are of no more use, and who waits for one need not. */
  #streamsChanged(): void {
    const ready = this.#options.streams?.ready === true;
    const useless = this.#idle.filter(({ shares, wire }) => (shares ? wire.retiring === true : ready));
    for (const connection of useless) this.discard(connection);
    this.#grow();
  }

  /** Opens connections for those who wait, one for each at most. */
  #grow(): void {
    while (this.#options.streams?.ready === true && this.#waiters.length > 0) {
      const connection = this.#openStream(this.#waiters[0] as PoolWaiter);
      if (connection === undefined) break;
      this.#waiters.shift()?.onConnection(connection);
    }
    while (this.#connecting < this.#waiters.length && !this.#closed) {
      if (this.#all.size >= this.#options.maxPoolConnections) {
        this.#options.hit('maxPoolConnections');
        return;
      }
      this.#open();
    }
  }

  #open(): void {
    const connection = new UpstreamConnection(this);
    this.#all.add(connection);
    this.#connecting += 1;
    const { wheel, connectTimeoutMs } = this.#options;
    const wire = new Wire(connection);
    wire.batches = true;
    const socket = this.#options.connect(wire.onread);
    wire.attach(socket);
    connection.attach(wire);
    socket.once('connect', () => {
      if (!this.#all.has(connection)) return;
      connection.connected = true;
      this.#connecting -= 1;
      wheel.clear(connection.timeout);
      this.release(connection);
    });
    wheel.set(connection.timeout, wheel.nowMs + connectTimeoutMs);
  }
}
