import type net from 'node:net';
import { Timeout, type TimerWheel, type Timeout as WheelTimeout, Wire } from '../io/index.ts';
import { FIXED_LIMITS } from '../limits.ts';
import {
  type ConnectionContext,
  Http2Connection,
  type Http2Stream,
  type StreamUser,
} from './connection/index.ts';
import { H2_LIMITS } from './limits.ts';
import { FieldBlock, H2_ERROR } from './protocol/index.ts';

/** Before its SETTINGS have come, an endpoint is taken to allow so many streams (RFC 9113 section 6.5.2 recommends it as the least). */
const ASSUMED_STREAMS = 100;
const LAST_STREAM = 0x7fff_fffe;
const SCRATCH_FIELDS = 128;

/** Who keeps a connection to an endpoint. */
export interface ClientOwner {
  /** It can carry another stream. */
  available(connection: Http2ClientConnection): void;
  /** It carries nothing now. */
  carriesNothing(connection: Http2ClientConnection): void;
  /** It takes no more streams; those under way go on. */
  retired(connection: Http2ClientConnection): void;
  closed(connection: Http2ClientConnection): void;
  timedOut(connection: Http2ClientConnection): void;
}

/** A connection to an endpoint, which carries the streams of many exchanges. */
export class Http2ClientConnection extends Http2Connection {
  readonly timeout: WheelTimeout;
  connected = false;
  /** Streams that were written on it. */
  served = 0;
  readonly #owner: ClientOwner;
  readonly #wheel: TimerWheel;
  #nextId = 1;
  /** With those that have no number yet. */
  #open = new Set<Http2Stream>();
  #retired = false;
  #settingsSeen = false;
  #scratch: FieldBlock | undefined;

  constructor(
    owner: ClientOwner,
    wheel: TimerWheel,
    context: ConnectionContext,
    connect: (onread: net.OnReadOpts) => net.Socket,
  ) {
    const wire = new Wire({ onBytes: () => {}, onEnd: () => {}, onClosed: () => {} });
    super(wire, context);
    wire.owner = this;
    this.#owner = owner;
    this.#wheel = wheel;
    this.timeout = new Timeout(() => owner.timedOut(this));
    this.scheduler.numbering = (stream) => this.#number(stream);
    this.scheduler.ended = (stream) => {
      stream.user.onAllSent();
      this.closeIfEnded(stream);
    };
    wire.attach(connect(wire.onread));
  }

  /** The socket is connected: both sides may speak at once. */
  begin(): void {
    this.connected = true;
    this.greet(true);
  }

  /** Whether it can carry another stream. */
  get hasRoom(): boolean {
    const allowed = this.#settingsSeen ? this.peer.concurrentStreams : ASSUMED_STREAMS;
    return (
      this.connected &&
      !this.#retired &&
      this.alive &&
      this.#open.size < Math.min(allowed, H2_LIMITS.upstreamStreams)
    );
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Opens a stream; it gets its number when its head is written. */
  open(user: StreamUser, classIndex: number): Http2Stream {
    this.#wheel.clear(this.timeout);
    const stream = this.openStream(user, 0);
    stream.rank = classIndex;
    this.#open.add(stream);
    return stream;
  }

  #number(stream: Http2Stream): number {
    if (this.#retired || !this.alive) return 0;
    const id = this.#nextId;
    this.#nextId += 2;
    if (id >= LAST_STREAM) this.#retire();
    stream.id = id;
    stream.sendWindow = this.peer.initialWindowBytes;
    this.streams.set(id, stream);
    this.served += 1;
    return id;
  }

  protected wasOpen(streamId: number): boolean {
    return streamId % 2 === 1 && streamId < this.#nextId;
  }

  protected onUnknownHeaders(streamId: number, bytes: Buffer, start: number, end: number): void {
    const stream = this.streams.get(streamId);
    if (stream !== undefined) {
      this.breakStream(stream, H2_ERROR.STREAM_CLOSED);
    } else if (!this.wasOpen(streamId)) {
      this.fail(H2_ERROR.PROTOCOL_ERROR);
      return;
    }
    // It was reset here; the table has to be kept right nevertheless.
    this.#scratch ??= new FieldBlock(SCRATCH_FIELDS);
    if (this.spendStray()) this.decode(bytes, start, end, this.#scratch);
  }

  protected onStreamClosed(stream: Http2Stream): void {
    this.#open.delete(stream);
    if (this.#open.size === 0) {
      if (this.#retired) this.#leave();
      else this.#owner.carriesNothing(this);
    }
    if (this.hasRoom) this.#owner.available(this);
  }

  protected onPeerSettings(): void {
    this.#settingsSeen = true;
    if (this.hasRoom) this.#owner.available(this);
  }

  onGoaway(lastStreamId: number): void {
    this.#retire();
    for (const stream of [...this.#open]) {
      if (stream.id !== 0 && stream.id <= lastStreamId) continue;
      this.closeStream(stream);
      stream.user.onReset(H2_ERROR.REFUSED_STREAM, true);
    }
    if (this.#open.size === 0) this.#leave();
  }

  /** An endpoint that does not read is not waited for. */
  #leave(): void {
    this.#wheel.set(this.timeout, this.#wheel.nowMs + FIXED_LIMITS.lingerMs);
    this.finishWire();
  }

  #retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#owner.retired(this);
  }

  /** Closes in order when nothing is under way, else when the last stream is over. */
  close(): void {
    this.#retire();
    if (this.#open.size > 0) return;
    if (this.connected && this.alive) this.sayGoaway();
    this.#leave();
  }

  protected onFailed(): void {
    this.#retire();
    this.#lose();
    this.#leave();
  }

  #lose(): void {
    for (const stream of [...this.#open]) {
      const unprocessed = stream.id === 0;
      this.closeStream(stream);
      stream.user.onReset(H2_ERROR.CONNECT_ERROR, unprocessed);
    }
  }

  protected override allOut(): void {
    this.wire.destroy();
  }

  onEnd(): void {
    this.wire.destroy();
  }

  onClosed(): void {
    this.#retire();
    this.#owner.closed(this);
    this.#lose();
    this.#wheel.remove(this.timeout);
  }
}
