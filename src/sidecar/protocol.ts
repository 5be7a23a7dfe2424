import type { ConnectionProfile } from '../transport/index.ts';
import type { LiveSide } from './exchange.ts';
import type { AnswerCode } from './http1/index.ts';
import type { ByteStream, InputBuffer, StreamOwner } from './io/index.ts';

/** An accepted connection whose protocol is known. It owns its stream. */
export interface ServedConnection extends StreamOwner {
  /** How responses on it are sent, by class, where that depends on the peer; set anew when the list of peers changes. */
  profiles: readonly ConnectionProfile[] | undefined;
  /** The class of the request that came last, -1 before the first. */
  readonly lastClassIndex: number;
  /** Begins to serve; the first bytes stand in the stream's input, and `onBytes` is called next. */
  start(): void;
  /** Answers with an error and closes, before anything was read. */
  turnAway(code: AnswerCode): void;
  /** Takes no further request; closes now when none is under way, else when the last one is over. */
  drain(): void;
  /** Closes whatever is under way. */
  destroy(): void;
}

/** What a protocol is given of an accepted connection. */
export interface Accepted {
  readonly stream: ByteStream;
  readonly live: LiveSide;
  readonly address: string;
  readonly profiles: readonly ConnectionProfile[] | undefined;
  /** Takes a further stream, which came on this one, as if it had been accepted by itself. */
  accept(stream: ByteStream): void;
  /** To be called once, when the stream is gone. */
  gone(): void;
}

/** A protocol that is spoken on accepted connections; one of the list of a side. */
export interface Protocol {
  readonly name: string;
  /** Whether a connection is served before a byte has come, as where the server speaks first; only as the first of a list. */
  readonly atOnce?: boolean;
  /** Whether the bytes that have come (at least one) begin a connection of this protocol; `more`: too few to tell. */
  recognizes(input: InputBuffer): 'yes' | 'no' | 'more';
  serve(accepted: Accepted): ServedConnection;
}
