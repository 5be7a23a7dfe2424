import type net from 'node:net';
import type { ByteStream, StreamOwner, TimerWheel } from '../io/index.ts';
import type { StreamSource } from '../pools/index.ts';
import type { LinkCounters } from './counters.ts';
import { LINK_LIMITS } from './limits.ts';
import { Link } from './link.ts';
import { type DialOutcome, LinkDialer } from './link-dialer.ts';

/** What is known of a peer; shared by the links of all kinds to one endpoint. */
export class LinkPeer {
  /** Until then it is taken for one that does not speak links. */
  plainUntilMs = Number.NEGATIVE_INFINITY;
  /** Whether it has agreed before. */
  agreed = false;
  /** Whether somebody is asking it for the first time. */
  asking = false;
}

/** What links of one kind to one endpoint need from outside. */
export interface LinkPoolOptions {
  readonly peer: LinkPeer;
  readonly counters: LinkCounters;
  readonly wheel: TimerWheel;
  /** `address:port`. */
  readonly host: string;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Opens a socket that reads with `onread`; the profile stands before its SYN. */
  connect(onread: net.OnReadOpts): net.Socket;
  /** Sees to it that the socket is sent with the profile that holds now. */
  refresh(socket: net.Socket): void;
}

/**
 * The links of one kind to one endpoint. Nobody ever waits for a link: while there is none, or where the peer speaks none, connections of
 * their own carry the requests.
 */
export class LinkPool implements StreamSource {
  readonly #options: LinkPoolOptions;
  readonly #links = new Set<Link>();
  #changed: (() => void) | undefined;
  #dialer: LinkDialer | undefined;
  /** The link that took the last stream. */
  #latest: Link | undefined;
  #nextAttemptMs = Number.NEGATIVE_INFINITY;
  #backOffMs: number = LINK_LIMITS.backOffMs;
  #closed = false;

  constructor(options: LinkPoolOptions) {
    this.#options = options;
  }

  whenChanged(changed: () => void): void {
    this.#changed = changed;
  }

  get ready(): boolean {
    return this.#choose() !== undefined;
  }

  openStream(owner: StreamOwner, classIndex: number): ByteStream {
    const link = this.#choose();
    if (link === undefined) throw new TypeError('a stream is opened where there is no link');
    // A path may have changed while no stream was there by which the mover could have reached the socket.
    if (link.size === 0) this.#options.refresh(link.socket);
    return link.openStream(owner, classIndex);
  }

  eachSocket(use: (socket: net.Socket) => void): void {
    for (const { socket } of this.#links) use(socket);
    if (this.#dialer !== undefined) use(this.#dialer.wire.socket);
  }

  destroy(): void {
    this.#closed = true;
    if (this.#dialer !== undefined) this.#stopAsking();
    // Streams that were just closed say so first, so that a whole response is not taken for a broken one.
    for (const link of [...this.#links]) link.leave();
  }

  #choose(): Link | undefined {
    if (this.#latest?.open === true) return this.#latest;
    for (const link of this.#links) {
      if (!link.open) continue;
      this.#latest = link;
      return link;
    }
    return undefined;
  }

  /** Opens a link in the background, where that may succeed. */
  want(): void {
    const { peer, wheel, connect, host, connectTimeoutMs } = this.#options;
    if (this.#closed || this.#dialer !== undefined || this.#links.size >= LINK_LIMITS.linksPerEndpoint)
      return;
    const { nowMs } = wheel;
    if (nowMs < this.#nextAttemptMs || nowMs < peer.plainUntilMs) return;
    if (!peer.agreed && peer.asking) return;
    peer.asking = true;
    this.#dialer = new LinkDialer(wheel, connect, host, connectTimeoutMs, (outcome, wire) =>
      this.#answered(outcome, wire),
    );
  }

  #stopAsking(): void {
    this.#options.peer.asking = false;
    this.#dialer?.cancel();
    this.#dialer = undefined;
  }

  #answered(outcome: DialOutcome, wire: ByteStream): void {
    const { peer, counters, wheel } = this.#options;
    this.#dialer = undefined;
    peer.asking = false;
    const { socket } = wire;
    if (outcome === 'agreed' && socket !== undefined) {
      peer.agreed = true;
      this.#take(wire, socket);
      return;
    }
    // Who has agreed before and now says nothing is on its way down or up. Who never has may not bear the question.
    if (outcome === 'plain' || (outcome === 'unanswered' && !peer.agreed)) {
      counters.plainPeers += 1;
      peer.agreed = false;
      peer.plainUntilMs = wheel.nowMs + LINK_LIMITS.plainPeerMs;
      return;
    }
    counters.failedAttempts += 1;
    this.#backOff();
  }

  #take(wire: ByteStream, socket: net.Socket): void {
    const { counters, wheel, idleTimeoutMs } = this.#options;
    const sinceMs = wheel.nowMs;
    const link: Link = new Link(
      wire,
      socket,
      true,
      { wheel, counters, idleTimeoutMs },
      {
        onGoingAway: () => this.#goingAway(),
        onClosed: (reason) => {
          this.#links.delete(link);
          if (this.#latest === link) this.#latest = undefined;
          // One that lived for a while and is lost says nothing against the next.
          if (wheel.nowMs - sinceMs > LINK_LIMITS.maxBackOffMs) this.#backOffMs = LINK_LIMITS.backOffMs;
          if (reason !== '') this.#backOff();
        },
      },
    );
    this.#links.add(link);
    this.#options.refresh(socket);
    if (wire.input.length > 0) link.onBytes();
    this.#changed?.();
  }

  /** Streams that carry nothing are closed by this side, which knows that no request is on its way on them. */
  #goingAway(): void {
    const { wheel } = this.#options;
    this.#nextAttemptMs = Math.max(this.#nextAttemptMs, wheel.nowMs + LINK_LIMITS.backOffMs);
    this.#changed?.();
  }

  #backOff(): void {
    const { wheel } = this.#options;
    this.#nextAttemptMs = wheel.nowMs + this.#backOffMs;
    this.#backOffMs = Math.min(this.#backOffMs * 2, LINK_LIMITS.maxBackOffMs);
  }
}
