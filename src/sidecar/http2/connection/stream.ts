import type { FieldBlock, HpackEncoder, OutputBuffer } from '../protocol/index.ts';
import type { BodyQueue, BodySource } from './body-queue.ts';

/** Who a stream belongs to: one half of an exchange. */
export interface StreamUser {
  /** What is sent behind the head. */
  readonly body: BodyQueue;
  /** Whether the head goes out now; asked when the connection is about to write it. */
  writeHead(encoder: HpackEncoder, out: OutputBuffer): void;
  writeTrailers(encoder: HpackEncoder, out: OutputBuffer): void;
  /** Everything has been written. */
  onAllSent(): void;
  /** Where the next head or trailers are read to. */
  fieldBlock(): FieldBlock;
  /** A head or trailers were read to that block. @param fault as of the decoder */
  onFields(fault: number, ended: boolean): void;
  /** A piece of a body; who does not take it credits it. */
  onData(bytes: Buffer, start: number, end: number): void;
  onEnd(): void;
  /** The stream is over before its end. @param unprocessed whether the peer is known not to have looked at it */
  onReset(code: number, unprocessed: boolean): void;
}

/** What a stream needs of its connection. */
export interface StreamHost {
  creditConnection(bytes: number): void;
  creditStream(stream: Http2Stream, bytes: number): void;
  markReady(stream: Http2Stream): void;
  sendPast(stream: Http2Stream, bytes: Buffer, start: number, end: number): number;
}

/** A smaller piece of a body waits for its turn, since little is saved by copying it once less. */
const LEAST_PAST_BYTES = 1024;

/** One stream of a connection: its state and its windows (RFC 9113 section 5). */
export class Http2Stream implements BodySource {
  readonly host: StreamHost;
  readonly user: StreamUser;
  /** 0 until a stream of our own has been written. */
  id: number;
  /** Index of the class, by which it gets its turn. */
  rank = 0;
  headPending = false;
  localEnded = false;
  remoteEnded = false;
  closed = false;
  /** How many bytes we may send, and the peer may. */
  sendWindow: number;
  receiveWindow: number;
  /** Consumed, but not yet said to the peer. */
  uncredited = 0;
  /** Where its last frame of DATA stands that was written past the turns, and in which turn of its connection. */
  pastAt = 0;
  pastTurn = -1;
  /** Whether it stands in the list of those that have something to write. */
  listed = false;

  constructor(host: StreamHost, user: StreamUser, id: number, sendWindow: number, receiveWindow: number) {
    this.host = host;
    this.user = user;
    this.id = id;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  /** Somebody has taken so many bytes that came on it: the peer may send as many more. */
  credit(bytes: number): void {
    this.host.creditConnection(bytes);
    if (!this.remoteEnded && !this.closed) this.host.creditStream(this, bytes);
  }

  /** There is something to write: a head, a body, an end. */
  wake(): void {
    if (!this.closed) this.host.markReady(this);
  }

  /** A piece of the body has come: written at once where nothing stands in front of it, else put into the queue. */
  sendPiece(bytes: Buffer, start: number, end: number): void {
    const { body } = this.user;
    let from = start;
    if (end - start >= LEAST_PAST_BYTES && body.isClear) {
      from += this.host.sendPast(this, bytes, start, end);
      if (from > start) body.source?.credit(from - start);
      if (from === end) return;
    }
    body.append(bytes, from, end);
    this.wake();
  }

  /** The head is to be written. */
  sendHead(): void {
    this.headPending = true;
    this.wake();
  }
}
