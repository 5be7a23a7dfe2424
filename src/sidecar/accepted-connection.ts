import type { ConnectionProfile } from '../transport/index.ts';
import type { LiveSide, Side } from './exchange.ts';
import type { AnswerCode } from './http1/index.ts';
import { type ByteStream, type StreamOwner, Timeout, type Timeout as WheelTimeout } from './io/index.ts';
import type { Protocol, ServedConnection } from './protocol.ts';

/** One accepted connection: looks at its first bytes and hands it to the protocol that they belong to. */
export class AcceptedConnection implements StreamOwner {
  readonly address: string;
  readonly #live: LiveSide;
  readonly #accept: (stream: ByteStream, address: string) => void;
  readonly #gone: (connection: AcceptedConnection) => void;
  readonly #timeout: WheelTimeout;
  #stream: ByteStream | undefined;
  #served: ServedConnection | undefined;
  #profiles: readonly ConnectionProfile[] | undefined;
  #begun = false;

  /** @param accept takes a further stream from the same address, which this one carries */
  constructor(
    live: LiveSide,
    address: string,
    accept: (stream: ByteStream, address: string) => void,
    gone: (connection: AcceptedConnection) => void,
  ) {
    this.#accept = accept;
    this.#live = live;
    this.address = address;
    this.#gone = gone;
    this.#profiles = live.current.profilesTowards?.(address);
    this.#timeout = new Timeout(() => this.#timedOut());
  }

  get #side(): Side {
    return this.#live.current;
  }

  /** Undefined before `start`. */
  get stream(): ByteStream | undefined {
    return this.#stream;
  }

  /** Looked up when the connection is accepted, and anew when the list of peers changes. */
  get profiles(): readonly ConnectionProfile[] | undefined {
    return this.#profiles;
  }

  set profiles(profiles: readonly ConnectionProfile[] | undefined) {
    this.#profiles = profiles;
    if (this.#served !== undefined) this.#served.profiles = profiles;
  }

  /** The class of the request that came last, -1 before the first. */
  get lastClassIndex(): number {
    return this.#served?.lastClassIndex ?? -1;
  }

  /** Begins to listen to a stream whose owner this is. */
  start(stream: ByteStream): void {
    this.#stream = stream;
    const [first] = this.#side.protocols;
    if (first?.atOnce === true) {
      this.#serve(first, stream).start();
      return;
    }
    const { wheel, limits } = this.#side;
    wheel.set(this.#timeout, wheel.nowMs + limits.idleTimeoutMs);
  }

  /** Answers with an error and closes, before anything was read. */
  turnAway(stream: ByteStream, code: AnswerCode): void {
    this.#stream = stream;
    const last = this.#side.protocols[this.#side.protocols.length - 1];
    if (last === undefined) stream.destroy();
    else this.#serve(last, stream).turnAway(code);
  }

  /** Takes no further request; closes now when none is under way. */
  drain(): void {
    // Its link has said so already, and the side that opened it knows which streams carry nothing.
    if (this.#stream?.retiring === true) return;
    if (this.#served === undefined) this.destroy();
    else this.#served.drain();
  }

  /** Closes whatever is under way. */
  destroy(): void {
    if (this.#served === undefined) this.#stream?.destroy();
    else this.#served.destroy();
  }

  onBytes(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    const { protocols } = this.#side;
    for (const [index, protocol] of protocols.entries()) {
      const verdict = index === protocols.length - 1 ? 'yes' : protocol.recognizes(stream.input);
      if (verdict === 'no') continue;
      if (verdict === 'more') {
        this.#expectMore();
        return;
      }
      const served = this.#serve(protocol, stream);
      served.start();
      served.onBytes();
      return;
    }
  }

  onEnd(): void {
    this.#stream?.destroy();
  }

  onClosed(): void {
    this.#side.wheel.remove(this.#timeout);
    this.#gone(this);
  }

  #serve(protocol: Protocol, stream: ByteStream): ServedConnection {
    this.#side.wheel.remove(this.#timeout);
    const served = protocol.serve({
      stream,
      live: this.#live,
      address: this.address,
      profiles: this.#profiles,
      accept: (further) => this.#accept(further, this.address),
      gone: () => this.#gone(this),
    });
    this.#served = served;
    stream.owner = served;
    return served;
  }

  /** The time for the bytes that tell a protocol counts from the first of them, as that for a head does. */
  #expectMore(): void {
    if (this.#begun) return;
    this.#begun = true;
    const { wheel, limits } = this.#side;
    wheel.remove(this.#timeout);
    wheel.set(this.#timeout, wheel.nowMs + limits.headTimeoutMs);
  }

  #timedOut(): void {
    this.#side.counters.hit(this.#begun ? 'headTimeoutMs' : 'idleTimeoutMs');
    this.#stream?.destroy();
  }
}
