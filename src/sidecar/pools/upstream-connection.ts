import { Timeout, type Timeout as WheelTimeout, Wire, type WireOwner } from '../io/index.ts';

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
export class UpstreamConnection implements WireOwner {
  readonly wire: Wire;
  readonly timeout: WheelTimeout;
  readonly #owner: ConnectionOwner;
  user: UpstreamUser | undefined;
  connected = false;
  /** Requests that were sent on it. */
  served = 0;
  /** When the upstream said that it will close an idle connection, in ms of idle time; Infinity when it did not. */
  keepAliveMs = Number.POSITIVE_INFINITY;

  constructor(owner: ConnectionOwner) {
    this.#owner = owner;
    this.wire = new Wire(this);
    this.timeout = new Timeout(() => owner.timedOut(this));
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
