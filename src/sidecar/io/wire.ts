import type net from 'node:net';
import type { ByteStream, StreamOwner } from './byte-stream.ts';
import { InputBuffer } from './input-buffer.ts';
import { type BatchMember, writeBatch } from './write-batch.ts';

const NOTHING = Buffer.alloc(0);

/**
 * A socket with its input buffer, and the back-pressure between two of them. The socket is handed in after construction, because
 * it needs `onread` when it is made.
 */
export class Wire implements ByteStream, BatchMember {
  readonly input = new InputBuffer();
  readonly onread: net.OnReadOpts;
  streaming = false;
  /** Whether small pieces wait for the end of the turn of the event loop: see `WriteBatch`. */
  batches = false;
  owner: StreamOwner;
  sink: ByteStream | undefined;
  #socket: net.Socket | undefined;
  #inCallback = false;
  #paused = false;
  #error: Error | undefined;
  #closed = false;
  /** The stream whose input has a write pending on this one, and whether a mark behind that write is under way. */
  #source: ByteStream | undefined;
  #markPending = false;
  /** Waits for the end of the turn. */
  #piece: Buffer | undefined;

  constructor(owner: StreamOwner) {
    this.owner = owner;
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
      if (!this.#closed) this.owner.onEnd();
    });
    socket.on('close', () => this.#settleClosed());
  }

  #settleClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#releaseSource();
    this.owner.onClosed(this.#error);
  }

  #received(count: number): boolean {
    this.input.received(count);
    this.#inCallback = true;
    this.owner.onBytes();
    this.#inCallback = false;
    return !this.#paused;
  }

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

  send(bytes: Buffer): void {
    this.flushPiece();
    this.#socket?.write(bytes);
  }

  flushPiece(): void {
    const piece = this.#piece;
    if (piece === undefined) return;
    this.#piece = undefined;
    const socket = this.#socket;
    if (socket === undefined || this.#closed) return;
    socket.write(piece);
    if (socket.writableLength > 0) writeBatch.keep();
  }

  /** @returns whether the range was copied and goes out at the end of the turn */
  #putOff(socket: net.Socket, { input }: ByteStream, start: number, end: number): boolean {
    if (!this.batches || this.#piece !== undefined || socket.writableLength > 0) return false;
    this.#piece = writeBatch.take(this, input.bytes, start, end);
    return this.#piece !== undefined;
  }

  relay(from: ByteStream, start: number, end: number): void {
    const socket = this.#socket;
    if (socket === undefined || this.#closed) return;
    if (this.#putOff(socket, from, start, end)) return;
    this.flushPiece();
    socket.write(from.input.bytes.subarray(start, end));
    if (socket.writableLength === 0) return;
    from.input.pin();
    this.#hold(from, socket);
  }

  sendFor(from: ByteStream, bytes: Buffer): void {
    const socket = this.#socket;
    if (socket === undefined || this.#closed) return;
    this.flushPiece();
    socket.write(bytes);
    if (socket.writableLength > 0) this.#hold(from, socket);
  }

  #hold(from: ByteStream, socket: net.Socket): void {
    from.pause();
    from.sink = this;
    this.#source = from;
    this.#mark(socket);
  }

  get unsentBytes(): number {
    const waiting = this.#piece === undefined ? 0 : this.#piece.length;
    return this.#socket === undefined ? 0 : waiting + this.#socket.writableLength;
  }

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
    if (source.sink !== this) return;
    source.sink = undefined;
    source.input.unpin();
    source.resume();
  }

  letGo(from: ByteStream): void {
    if (this.#source !== from) return;
    this.#source = undefined;
    from.sink = undefined;
    from.resume();
  }

  end(bytes?: Buffer): void {
    this.flushPiece();
    if (bytes === undefined) this.#socket?.end();
    else this.#socket?.end(bytes);
  }

  /** With `reset` the peer gets an RST instead of a FIN. */
  destroy(reset = false): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.flushPiece();
    if (reset && !socket.connecting && !this.#closed) socket.resetAndDestroy();
    else socket.destroy();
  }
}
