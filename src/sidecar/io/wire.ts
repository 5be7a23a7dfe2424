import type net from 'node:net';
import { InputBuffer } from './input-buffer.ts';

const NOTHING = Buffer.alloc(0);

/** What happens on a wire; implemented by the connection that owns it. */
export interface WireOwner {
  /** Bytes arrived in `wire.input`. */
  onBytes(): void;
  /** The peer ended its stream. */
  onEnd(): void;
  /** The socket is gone. `error` is undefined after an orderly end. */
  onClosed(error: Error | undefined): void;
}

/**
 * A socket with its input buffer, and the back-pressure between two of them. The socket is handed in after construction, because
 * it needs `onread` when it is made.
 */
export class Wire {
  readonly input = new InputBuffer();
  readonly onread: net.OnReadOpts;
  /** Whether a message body is streaming in; its buffer may grow then. */
  streaming = false;
  readonly #owner: WireOwner;
  #socket: net.Socket | undefined;
  #inCallback = false;
  #paused = false;
  #error: Error | undefined;
  #closed = false;
  /** The wire whose input has a write pending on this one, and whether a mark behind that write is under way. */
  #source: Wire | undefined;
  /** The wire that bytes of ours were last pending on; only that one may say that they are out. */
  #sink: Wire | undefined;
  #markPending = false;

  constructor(owner: WireOwner) {
    this.#owner = owner;
    this.onread = {
      buffer: () => this.input.nextView(this.streaming),
      callback: (count: number) => this.#received(count),
    };
  }

  get socket(): net.Socket {
    if (this.#socket === undefined) throw new TypeError('a wire is used before it has a socket');
    return this.#socket;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Takes the socket, which was made with {@link onread}. */
  attach(socket: net.Socket): void {
    this.#socket = socket;
    socket.on('error', (error: Error) => {
      this.#error = error;
    });
    socket.on('end', () => {
      if (!this.#closed) this.#owner.onEnd();
    });
    socket.on('close', () => this.#settleClosed());
  }

  #settleClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#releaseSource();
    this.#owner.onClosed(this.#error);
  }

  #received(count: number): boolean {
    this.input.received(count);
    this.#inCallback = true;
    this.#owner.onBytes();
    this.#inCallback = false;
    return !this.#paused;
  }

  /** Stops reading until {@link resume}. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    if (!this.#inCallback && !this.#closed) this.#socket?.pause();
  }

  get paused(): boolean {
    return this.#paused;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#inCallback && !this.#closed) this.#socket?.resume();
  }

  /** Sends bytes that nobody will write over. */
  send(bytes: Buffer): void {
    this.#socket?.write(bytes);
  }

  /**
   * Sends a range of another wire's input. When the socket does not take it at once, the range is pinned and the other wire stops
   * reading until it is out.
   */
  relay(from: Wire, start: number, end: number): void {
    const socket = this.#socket;
    if (socket === undefined || this.#closed) return;
    socket.write(from.input.bytes.subarray(start, end));
    if (socket.writableLength === 0) return;
    from.input.pin();
    this.#hold(from, socket);
  }

  /** Sends bytes of our own that stand for what another wire read; that one stops reading until they are out. */
  sendFor(from: Wire, bytes: Buffer): void {
    const socket = this.#socket;
    if (socket === undefined || this.#closed) return;
    socket.write(bytes);
    if (socket.writableLength > 0) this.#hold(from, socket);
  }

  #hold(from: Wire, socket: net.Socket): void {
    from.pause();
    from.#sink = this;
    this.#source = from;
    this.#mark(socket);
  }

  /** How much of what was sent the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.#socket === undefined ? 0 : this.#socket.writableLength;
  }

  /** Whether everything that was sent has been handed to the kernel. */
  get flushed(): boolean {
    return this.unsentBytes === 0;
  }

  /** An empty write stands behind the pending ones; its callback says that they are done. */
  #mark(socket: net.Socket): void {
    if (this.#markPending) return;
    this.#markPending = true;
    socket.write(NOTHING, (error) => {
      this.#markPending = false;
      // A destroyed socket calls back at once for ever, and never comes to its 'close', which does the rest.
      if (error || socket.destroyed || this.#closed) return;
      if (socket.writableLength > 0) this.#mark(socket);
      else this.#releaseSource();
    });
  }

  #releaseSource(): void {
    const source = this.#source;
    if (source === undefined) return;
    this.#source = undefined;
    if (source.#sink !== this) return;
    source.#sink = undefined;
    source.input.unpin();
    source.resume();
  }

  /**
   * Lets `from` read on although a write of its bytes may be pending here: the bytes stay pinned, so that the next read goes elsewhere.
   * For the end of a message, when `from` turns to another peer.
   */
  letGo(from: Wire): void {
    if (this.#source !== from) return;
    this.#source = undefined;
    from.#sink = undefined;
    from.resume();
  }

  /** Ends the stream after what has been sent. */
  end(bytes?: Buffer): void {
    if (bytes === undefined) this.#socket?.end();
    else this.#socket?.end(bytes);
  }

  /** Closes at once. With `reset` the peer sees a broken connection, never a clean end (RST instead of FIN). */
  destroy(reset = false): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    if (reset && !socket.connecting && !this.#closed) socket.resetAndDestroy();
    else socket.destroy();
  }
}
