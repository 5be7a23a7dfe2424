import { type ByteStream, type StreamOwner, Timeout, type Timeout as WheelTimeout } from '../io/index.ts';

/** Who uses a connection for one request. */
export interface UpstreamUser {
  onUpstreamBytes(): void;
  /** The upstream ended its stream in an orderly way. */
  onUpstreamEnd(): void;
  /** The connection is gone. */
  onUpstreamClosed(error: Error | undefined): void;
}

/** Who owns a connection between its uses. */
export interface ConnectionOwner {
  /** Something happened on a connection that nobody uses: it is of no more use. */
  spoiled(connection: UpstreamConnection): void;
  closed(connection: UpstreamConnection, error: Error | undefined): void;
  timedOut(connection: UpstreamConnection): void;
}

/** One connection to an endpoint, used by one request at a time. */
export class UpstreamConnection implements StreamOwner {
  readonly timeout: WheelTimeout;
  readonly #owner: ConnectionOwner;
  #wire: ByteStream | undefined;
  user: UpstreamUser | undefined;
  connected = false;
  /** Whether others use the same socket: then it is a stream of a link. */
  shares = false;
  /** Requests that were sent on it. */
  served = 0;
  /** When the upstream said that it will close an idle connection, in ms of idle time; Infinity when it did not. */
  keepAliveMs = Number.POSITIVE_INFINITY;

  constructor(owner: ConnectionOwner) {
    this.#owner = owner;
    this.timeout = new Timeout(() => owner.timedOut(this));
  }

  get wire(): ByteStream {
    if (this.#wire === undefined) throw new TypeError('a connection is used before it has a stream');
    return this.#wire;
  }

  /** Takes the stream whose owner this is. */
  attach(stream: ByteStream): void {
    this.#wire = stream;
  }

  onBytes(): void {
    if (this.user === undefined) this.#owner.spoiled(this);
    else this.user.onUpstreamBytes();
  }

  onEnd(): void {
    if (this.user === undefined) this.#owner.spoiled(this);
    else this.user.onUpstreamEnd();
  }

  onClosed(error: Error | undefined): void {
    const { user } = this;
    this.user = undefined;
    this.#owner.closed(this, error);
    user?.onUpstreamClosed(error);
  }
}
