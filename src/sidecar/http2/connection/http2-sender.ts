import type { ByteStream } from '../../io/index.ts';
import { H2_LIMITS, type Http2Limit } from '../limits.ts';
import {
  beginHeaders,
  DEFAULT_WINDOW_BYTES,
  endHeaders,
  H2_ERROR,
  HpackEncoder,
  type OutputBuffer,
  type PairCache,
  PREFACE,
  SETTING,
  writeGoaway,
  writeReset,
  writeSettings,
  writeWindowUpdate,
} from '../protocol/index.ts';
import { flushLater } from './flusher.ts';
import { Http2Output } from './output.ts';
import { PeerSettings } from './peer-settings.ts';
import { StreamScheduler } from './scheduler.ts';
import { Http2Stream, type StreamHost, type StreamUser } from './stream.ts';

/** What a connection needs from outside. */
export interface ConnectionContext {
  readonly pairs: PairCache;
  readonly maxHeadBytes: number;
  nowMs(): number;
  hit(limit: Http2Limit): void;
}

/** An increment of a window is said when half of it has been taken. */
const WINDOW_SHARE = 2;
/** WINDOW_UPDATEs that a DATA frame may cause. */
const UPDATES_PER_DATA = 10;

/** What a connection of HTTP/2 sends, seen from either end: frames, windows and turns. What comes is read by who extends it. */
export abstract class Http2Sender implements StreamHost {
  readonly wire: ByteStream;
  readonly output: Http2Output;
  readonly peer = new PeerSettings();
  protected readonly context: ConnectionContext;
  protected readonly streams = new Map<number, Http2Stream>();
  protected readonly scheduler: StreamScheduler;
  /** The largest number of a stream of the peer that was begun. */
  protected lastPeerStream = 0;
  protected sendWindow = DEFAULT_WINDOW_BYTES;
  protected readonly encoder: HpackEncoder;
  /** How much the peer may still send. */
  protected receiveWindow: number = H2_LIMITS.connectionWindowBytes;
  #uncredited = 0;
  /** WINDOW_UPDATEs that the peer may still send. */
  protected spareUpdates: number = H2_LIMITS.spareWindowUpdates;
  #flushing = false;
  #alive = true;

  constructor(wire: ByteStream, context: ConnectionContext) {
    this.wire = wire;
    this.context = context;
    this.encoder = new HpackEncoder(context.pairs);
    this.output = new Http2Output(wire, () => this.flush());
    this.scheduler = new StreamScheduler(this.output, this.encoder, this.peer);
  }

  /** A stream is over. */
  protected abstract onStreamClosed(stream: Http2Stream): void;
  /** The connection is being closed: all streams are over. */
  protected abstract onFailed(): void;

  /** Whether frames are still read. */
  get alive(): boolean {
    return this.#alive;
  }

  /** Streams that are open. */
  get streamCount(): number {
    return this.streams.size;
  }

  /** Says what we take, before anything else. @param client whether this is the client's end, which sends the preface first */
  protected greet(client: boolean): void {
    const out = this.output.buffer;
    if (client) out.append(PREFACE, 0, PREFACE.length);
    writeSettings(out, [
      ...(client
        ? [[SETTING.ENABLE_PUSH, 0] as const]
        : [[SETTING.MAX_CONCURRENT_STREAMS, H2_LIMITS.concurrentStreams] as const]),
      [SETTING.INITIAL_WINDOW_SIZE, H2_LIMITS.streamWindowBytes],
      [SETTING.MAX_HEADER_LIST_SIZE, this.context.maxHeadBytes],
    ]);
    writeWindowUpdate(out, 0, H2_LIMITS.connectionWindowBytes - DEFAULT_WINDOW_BYTES);
    this.scheduleFlush();
  }

  protected openStream(user: StreamUser, id: number): Http2Stream {
    const stream = new Http2Stream(this, user, id, this.peer.initialWindowBytes, H2_LIMITS.streamWindowBytes);
    if (id !== 0) this.streams.set(id, stream);
    return stream;
  }

  scheduleFlush(): void {
    if (this.#flushing || this.output.blocked) return;
    this.#flushing = true;
    flushLater(this);
  }

  flush(): void {
    this.#flushing = false;
    if (this.wire.closed || this.output.blocked) return;
    this.sendWindow = this.scheduler.fill(this.sendWindow);
    this.spareUpdates += UPDATES_PER_DATA * this.scheduler.takeDataFrames();
    this.output.flush();
    if (this.#uncreditedIsMuch()) this.#creditNow();
    if (!this.output.blocked && (this.output.buffer.length > 0 || this.scheduler.canGoOn(this.sendWindow))) {
      this.scheduleFlush();
    }
    if (!this.#alive && !this.output.blocked) this.allOut();
  }

  /** Everything has been written, and no more will be. */
  protected allOut(): void {
    this.wire.end();
  }

  markReady(stream: Http2Stream): void {
    this.scheduler.add(stream);
    this.scheduleFlush();
  }

  sendPast(stream: Http2Stream, bytes: Buffer, start: number, end: number): number {
    const count = this.scheduler.writePast(stream, this.sendWindow, bytes, start, end);
    if (count > 0) {
      this.sendWindow -= count;
      this.scheduleFlush();
    }
    return count;
  }

  #uncreditedIsMuch(): boolean {
    return this.#uncredited >= H2_LIMITS.connectionWindowBytes / WINDOW_SHARE;
  }

  #creditNow(): void {
    writeWindowUpdate(this.output.buffer, 0, this.#uncredited);
    this.receiveWindow += this.#uncredited;
    this.#uncredited = 0;
  }

  creditConnection(bytes: number): void {
    this.#uncredited += bytes;
    if (!this.#uncreditedIsMuch() || !this.#alive) return;
    this.#creditNow();
    this.scheduleFlush();
  }

  creditStream(stream: Http2Stream, bytes: number): void {
    stream.uncredited += bytes;
    if (stream.uncredited < H2_LIMITS.streamWindowBytes / WINDOW_SHARE) return;
    writeWindowUpdate(this.output.buffer, stream.id, stream.uncredited);
    stream.receiveWindow += stream.uncredited;
    stream.uncredited = 0;
    this.scheduleFlush();
  }

  /** Both ends have said all: the stream is over. */
  closeIfEnded(stream: Http2Stream): void {
    if (stream.localEnded && stream.remoteEnded) this.closeStream(stream);
  }

  closeStream(stream: Http2Stream): void {
    if (stream.closed) return;
    stream.closed = true;
    stream.headPending = false;
    if (stream.id !== 0) this.streams.delete(stream.id);
    this.onStreamClosed(stream);
  }

  /** Ends a stream at once and tells the peer; one that was never written just goes. */
  resetStream(stream: Http2Stream, code: number): void {
    if (stream.closed) return;
    if (stream.id !== 0) {
      writeReset(this.output.buffer, stream.id, code);
      this.scheduleFlush();
    }
    this.closeStream(stream);
  }

  /** The peer did what it must not on this stream (RFC 9113 section 5.4.2). */
  breakStream(stream: Http2Stream, code: number): void {
    this.resetStream(stream, code);
    stream.user.onReset(code, false);
  }

  /** Writes a head at once, before those that wait for their turn: an interim response. */
  writeInterim(stream: Http2Stream, write: (encoder: HpackEncoder, out: OutputBuffer) => void): void {
    const out = this.output.buffer;
    const at = beginHeaders(out);
    this.encoder.begin(out);
    write(this.encoder, out);
    endHeaders(out, at, stream.id, false, this.peer.maxFrameBytes);
    this.scheduleFlush();
  }

  fail(code: number, limit?: Http2Limit): void {
    if (!this.#alive) return;
    if (limit !== undefined) this.context.hit(limit);
    this.#alive = false;
    writeGoaway(this.output.buffer, this.lastPeerStream, code);
    this.onFailed();
    this.scheduleFlush();
  }

  /** Says GOAWAY without an error; streams under way go on. */
  protected sayGoaway(): void {
    writeGoaway(this.output.buffer, this.lastPeerStream, H2_ERROR.NO_ERROR);
    this.scheduleFlush();
  }

  /** Reads no more, and ends the wire once everything is out. */
  protected finishWire(): void {
    this.#alive = false;
    this.scheduleFlush();
  }
}
