import type { ConnectionProfile, Transport } from '../../transport/index.ts';
import { applyProfile } from '../../transport/index.ts';
import type { ByteStream } from '../io/index.ts';
import type { Accepted, Protocol, ServedConnection } from '../protocol.ts';
import type { LinkCounters } from './counters.ts';
import { AGREEMENT, isQuestion, takeQuestion } from './handshake.ts';
import { Link } from './link.ts';
import type { LinkStream } from './link-stream.ts';
import { StreamInput } from './stream-input.ts';

/** What accepted links need from outside. */
export interface AcceptLinks {
  readonly counters: LinkCounters;
  readonly transport: Transport;
  /** How responses are sent, by class, where that does not depend on the peer. */
  readonly profiles: readonly ConnectionProfile[];
}

/** Links that other sidecars open. Each of their streams is served as an accepted connection by itself. */
export function linkProtocol(parts: AcceptLinks): Protocol {
  return {
    name: 'link',
    // There are no links inside links.
    recognizes: (input) => (input instanceof StreamInput ? 'no' : isQuestion(input)),
    serve: (accepted) => new AcceptedLink(accepted, parts),
  };
}

class AcceptedLink implements ServedConnection {
  profiles: readonly ConnectionProfile[] | undefined;
  lastClassIndex = -1;
  readonly #accepted: Accepted;
  readonly #parts: AcceptLinks;
  readonly #stream: ByteStream;
  #link: Link | undefined;

  constructor(accepted: Accepted, parts: AcceptLinks) {
    this.#accepted = accepted;
    this.#parts = parts;
    this.#stream = accepted.stream;
    this.profiles = accepted.profiles;
  }

  start(): void {
    const { stream, live } = this.#accepted;
    const { socket } = stream;
    if (socket === undefined) {
      stream.destroy();
      return;
    }
    takeQuestion(stream.input);
    stream.send(AGREEMENT);
    const { wheel, limits } = live.current;
    this.#link = new Link(
      stream,
      socket,
      false,
      { wheel, counters: this.#parts.counters, idleTimeoutMs: limits.idleTimeoutMs },
      {
        onStream: (opened) => this.#serve(opened),
        onGoingAway: () => undefined,
        onClosed: () => this.#accepted.gone(),
      },
    );
  }

  turnAway(): void {
    this.#stream.destroy();
  }

  drain(): void {
    this.#link?.goAway();
  }

  destroy(): void {
    this.#stream.destroy();
  }

  onBytes(): void {
    this.#link?.onBytes();
  }

  onEnd(): void {
    this.#stream.destroy();
  }

  onClosed(): void {
    if (this.#link === undefined) this.#accepted.gone();
  }

  #serve(stream: LinkStream): void {
    const { classIndex } = stream;
    if (classIndex !== this.lastClassIndex) {
      this.lastClassIndex = classIndex;
      // What flows back is sent as its class is, from the first byte on.
      const profile = (this.profiles ?? this.#parts.profiles)[classIndex];
      const { socket } = stream;
      if (profile !== undefined) applyProfile(socket, profile, this.#parts.transport);
    }
    this.#accepted.accept(stream);
  }
}
