import { EventEmitter } from 'node:events';
import type net from 'node:net';
import { systemClock } from '../../../../src/core/index.ts';
import { type ByteStream, type StreamOwner, TimerWheel, Wire } from '../../../../src/sidecar/io/index.ts';
import { LinkCounters } from '../../../../src/sidecar/link/counters.ts';
import { Link } from '../../../../src/sidecar/link/link.ts';
import type { LinkStream } from '../../../../src/sidecar/link/link-stream.ts';

/** A socket of a test: what is written stands in `outbox` as a copy; where the kernel takes nothing it stays pending until `take`. */
export class TestSocket extends EventEmitter {
  outbox: Buffer[] = [];
  taking = true;
  writableLength = 0;
  destroyed = false;
  connecting = false;
  ended = false;
  writes = 0;
  #pending: { bytes: Buffer; done: (() => void) | undefined }[] = [];

  write(bytes: Buffer, done?: () => void): boolean {
    if (this.destroyed) return false;
    if (bytes.length > 0) this.writes += 1;
    if (this.taking && this.#pending.length === 0) {
      if (bytes.length > 0) this.outbox.push(Buffer.from(bytes));
      if (done !== undefined) process.nextTick(done);
      return true;
    }
    // Not copied: who writes over it now destroys it, as with a real socket.
    this.#pending.push({ bytes, done });
    this.writableLength += bytes.length;
    return false;
  }

  /** The kernel takes what is pending. */
  take(): void {
    const pending = this.#pending;
    this.#pending = [];
    this.writableLength = 0;
    for (const { bytes } of pending) if (bytes.length > 0) this.outbox.push(Buffer.from(bytes));
    for (const { done } of pending) done?.();
  }

  /** What has been written since the last call. */
  sent(): Buffer {
    const all = Buffer.concat(this.outbox);
    this.outbox = [];
    return all;
  }

  cork(): void {
    this.emit('corked');
  }

  uncork(): void {
    this.emit('uncorked');
  }

  pause(): this {
    return this;
  }

  resume(): this {
    return this;
  }

  end(): void {
    this.ended = true;
  }

  /** As with a real socket: behind what is pending. */
  destroySoon(): void {
    this.end();
    if (this.writableLength === 0) this.destroy();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    process.nextTick(() => this.emit('close'));
  }

  asSocket(): net.Socket {
    return this as unknown as net.Socket;
  }
}

/** Lets bytes arrive at a wire, in pieces of at most `pieceBytes`. */
export function arriveAt(wire: Wire, bytes: Buffer, pieceBytes = Number.POSITIVE_INFINITY): void {
  let at = 0;
  while (at < bytes.length) {
    const { input } = wire;
    const count = bytes.copy(input.view, 0, at, Math.min(bytes.length, at + pieceBytes));
    at += count;
    wire.onread.callback(count, input.view);
    const { buffer } = wire.onread;
    if (typeof buffer === 'function') buffer();
  }
}

/** A turn of the event loop: what was collected has been written. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** Keeps what comes on a stream. */
export class Keeper implements StreamOwner {
  readonly stream: ByteStream;
  readonly pieces: Buffer[] = [];
  ended = 0;
  closed = 0;
  error: Error | undefined;
  /** Whether bytes are consumed as they come. */
  consuming = true;

  constructor(stream: ByteStream) {
    this.stream = stream;
  }

  get received(): Buffer {
    return Buffer.concat(this.pieces);
  }

  onBytes(): void {
    if (this.consuming) this.consume();
  }

  /** Takes what is there. */
  consume(): void {
    const { input } = this.stream;
    this.pieces.push(Buffer.from(input.bytes.subarray(input.start, input.end)));
    input.consumeTo(input.end);
  }

  onEnd(): void {
    this.ended += 1;
  }

  onClosed(error: Error | undefined): void {
    this.closed += 1;
    this.error = error;
  }
}

const NOBODY: StreamOwner = { onBytes: () => undefined, onEnd: () => undefined, onClosed: () => undefined };

/** One end of a link, on a socket of a test. */
export class LinkEnd {
  readonly socket = new TestSocket();
  readonly wire = new Wire(NOBODY);
  readonly counters = new LinkCounters();
  readonly link: Link;
  readonly keepers: Keeper[] = [];
  readonly streams: LinkStream[] = [];
  readonly closedFor: string[] = [];
  goingAway = 0;

  constructor(opener: boolean, wheel: TimerWheel, idleTimeoutMs = 60_000) {
    this.wire.attach(this.socket.asSocket());
    this.link = new Link(
      this.wire,
      this.socket.asSocket(),
      opener,
      { wheel, counters: this.counters, idleTimeoutMs },
      {
        onStream: (stream) => this.#keep(stream),
        onGoingAway: () => {
          this.goingAway += 1;
        },
        onClosed: (reason) => this.closedFor.push(reason),
      },
    );
  }

  #keep(stream: LinkStream): Keeper {
    const keeper = new Keeper(stream);
    stream.owner = keeper;
    this.streams.push(stream);
    this.keepers.push(keeper);
    return keeper;
  }

  /** Opens a stream and keeps what comes on it. */
  open(classIndex = 0): { readonly stream: LinkStream; readonly keeper: Keeper } {
    const stream = this.link.openStream(NOBODY, classIndex);
    return { stream, keeper: this.#keep(stream) };
  }
}

/** Two ends of one link. */
export class LinkPair {
  readonly wheel: TimerWheel;
  readonly opener: LinkEnd;
  readonly accepter: LinkEnd;

  constructor(wheel = new TimerWheel(systemClock), idleTimeoutMs = 60_000) {
    this.wheel = wheel;
    this.opener = new LinkEnd(true, wheel, idleTimeoutMs);
    this.accepter = new LinkEnd(false, wheel, idleTimeoutMs);
  }

  /** Carries what has been written to the other end, until nothing is on its way. */
  async settle(pieceBytes?: number): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      await turn();
      const there = this.opener.socket.sent();
      const back = this.accepter.socket.sent();
      quiet = there.length + back.length === 0 ? quiet + 1 : 0;
      arriveAt(this.accepter.wire, there, pieceBytes);
      arriveAt(this.opener.wire, back, pieceBytes);
    }
  }

  close(): void {
    this.opener.link.destroy();
    this.accepter.link.destroy();
    this.wheel.close();
  }
}
