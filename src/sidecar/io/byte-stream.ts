import type net from 'node:net';
import type { InputBuffer } from './input-buffer.ts';

/** What happens on a stream; implemented by the connection that owns it. */
export interface StreamOwner {
  /** Bytes arrived in the stream's `input`. */
  onBytes(): void;
  /** The peer ended its stream. */
  onEnd(): void;
  /** The stream is gone. `error` is undefined after an orderly end. */
  onClosed(error: Error | undefined): void;
}

/** A stream of bytes both ways, with its input buffer and the back-pressure between it and others: a socket's, or one of many on a link. */
export interface ByteStream {
  readonly input: InputBuffer;
  /** Who is told what happens; whoever takes a stream over sets it. */
  owner: StreamOwner;
  /** The class of what is sent, where streams of several classes share a socket. */
  classIndex?: number;
  /** Whether nothing new should begin on it, because what carries it is to be closed. Absent: never. */
  readonly retiring?: boolean;
  /** Whether a message body is streaming in; its buffer may grow then. */
  streaming: boolean;
  /** The socket that carries it; undefined before there is one. Several streams may have the same. */
  readonly socket: net.Socket | undefined;
  readonly closed: boolean;
  readonly paused: boolean;
  /** How much of what was sent has not been taken yet. */
  readonly unsentBytes: number;
  /** Whether everything that was sent has been taken. */
  readonly flushed: boolean;
  /** The stream that bytes of ours were last pending on; only that one may say that they are out. */
  sink: ByteStream | undefined;
  /** Stops reading until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Sends bytes that nobody will write over. */
  send(bytes: Buffer): void;
  /**
   * Sends a range of another stream's input. When it is not taken at once, the range is pinned and the other stream stops reading until
   * it is out.
   */
  relay(from: ByteStream, start: number, end: number): void;
  /** Sends bytes of our own that stand for what another stream read; that one stops reading until they are out. */
  sendFor(from: ByteStream, bytes: Buffer): void;
  /**
   * Lets `from` read on although a write of its bytes may be pending here: the bytes stay pinned, so that the next read goes elsewhere.
   * For the end of a message, when `from` turns to another peer.
   */
  letGo(from: ByteStream): void;
  /** Ends the stream after what has been sent. */
  end(bytes?: Buffer): void;
  /** Closes at once. With `reset` the peer sees a broken stream, never a clean end. */
  destroy(reset?: boolean): void;
}
