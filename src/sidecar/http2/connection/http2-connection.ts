import type { ByteStream, StreamOwner } from '../../io/index.ts';
import { H2_LIMITS, type Http2Limit } from '../limits.ts';
import {
  beginHeaders,
  COMPRESSION_FAULT,
  DEFAULT_WINDOW_BYTES,
  endHeaders,
  type FieldBlock,
  H2_ERROR,
  HpackDecoder,
  HpackEncoder,
  LARGEST_WINDOW_BYTES,
  type OutputBuffer,
  type PairCache,
  PREFACE,
  SETTING,
  writeGoaway,
  writePing,
  writeReset,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from '../protocol/index.ts';
import { flushLater } from './flusher.ts';
import { type FrameHandler, FrameReader } from './frame-reader.ts';
import { IdleFrames } from './idle-frames.ts';
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

/** One connection of HTTP/2, seen from either end: frames, windows and streams, but not what the streams carry. */
export abstract class Http2Connection implements StreamOwner, StreamHost, FrameHandler {
  readonly wire: ByteStream;
  readonly output: Http2Output;
  readonly peer = new PeerSettings();
  protected readonly context: ConnectionContext;
  protected readonly streams = new Map<number, Http2Stream>();
  protected readonly decoder: HpackDecoder;
  protected readonly scheduler: StreamScheduler;
  /** The largest number of a stream of the peer that was begun. */
  protected lastPeerStream = 0;
  protected sendWindow = DEFAULT_WINDOW_BYTES;
  readonly #encoder: HpackEncoder;
  readonly #reader: FrameReader;
  readonly #idle = new IdleFrames();
  #receiveWindow: number = H2_LIMITS.connectionWindowBytes;
  #uncredited = 0;
  #spareUpdates: number = H2_LIMITS.spareWindowUpdates;
  #flushing = false;
  #alive = true;
  #dataStream: Http2Stream | undefined;

  constructor(wire: ByteStream, context: ConnectionContext) {
    this.wire = wire;
    this.context = context;
    this.decoder = new HpackDecoder(context.pairs, context.maxHeadBytes);
    this.#encoder = new HpackEncoder(context.pairs);
    this.#reader = new FrameReader(this);
    this.output = new Http2Output(wire, () => this.flush());
    this.scheduler = new StreamScheduler(this.output, this.#encoder, this.peer);
  }

  /** A field block of a stream that is not known here. @returns whether it was expected */
  protected abstract onUnknownHeaders(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
  ): void;
  /** A stream is over. */
  protected abstract onStreamClosed(stream: Http2Stream): void;
  abstract onGoaway(lastStreamId: number, code: number): void;
  /** The peer has said how many streams it takes. */
  protected abstract onPeerSettings(): void;
  /** The connection is being closed: all streams are over. */
  protected abstract onFailed(): void;
  abstract onClosed(error: Error | undefined): void;
  abstract onEnd(): void;

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

  onBytes(): void {
    this.wire.streaming = true;
    this.#reader.read(this.wire.input);
    if (this.wire.input.length === 0 && this.streams.size === 0) this.wire.input.shrink();
    if (this.output.buffer.length > 0) this.scheduleFlush();
    // Who asks and does not read is not read from either.
    if (this.output.blocked && this.output.buffer.length > H2_LIMITS.unsentControlBytes) {
      this.fail(H2_ERROR.ENHANCE_YOUR_CALM, 'http2UnsentControlBytes');
    }
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
    this.#spareUpdates += UPDATES_PER_DATA * this.scheduler.takeDataFrames();
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
    this.#receiveWindow += this.#uncredited;
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
    this.#encoder.begin(out);
    write(this.#encoder, out);
    endHeaders(out, at, stream.id, false, this.peer.maxFrameBytes);
    this.scheduleFlush();
  }

  /** The peer did something that costs and brings nothing forward. @returns whether it may */
  protected spendIdle(): boolean {
    if (!this.#idle.spend(this.context.nowMs())) return true;
    this.fail(H2_ERROR.ENHANCE_YOUR_CALM, 'http2IdleFrames');
    return false;
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

  /** Reads a block into `into`. @returns whether the connection is still good */
  protected decode(bytes: Buffer, start: number, end: number, into: FieldBlock): boolean {
    if (this.decoder.decode(bytes, start, end, into) !== COMPRESSION_FAULT) return true;
    this.fail(H2_ERROR.COMPRESSION_ERROR);
    return false;
  }

  /** Whether a stream of this number has been open: then what comes on it may still have been under way. */
  protected abstract wasOpen(streamId: number): boolean;

  /** A frame for a stream that is not open: an error of the connection if it never was (RFC 9113 section 5.1). */
  #stray(streamId: number, answer: boolean): void {
    if (!this.wasOpen(streamId)) this.fail(H2_ERROR.PROTOCOL_ERROR);
    else if (this.spendIdle() && answer) writeReset(this.output.buffer, streamId, H2_ERROR.STREAM_CLOSED);
  }

  onDataFrame(streamId: number, flowBytes: number, endStream: boolean): boolean {
    this.#receiveWindow -= flowBytes;
    if (this.#receiveWindow < 0) {
      this.fail(H2_ERROR.FLOW_CONTROL_ERROR);
      return false;
    }
    const stream = this.streams.get(streamId);
    this.#dataStream = stream;
    if (stream === undefined) {
      this.#stray(streamId, true);
      return false;
    }
    if (stream.remoteEnded) {
      this.breakStream(stream, H2_ERROR.STREAM_CLOSED);
      return false;
    }
    if (flowBytes === 0 && !endStream && !this.spendIdle()) return false;
    stream.receiveWindow -= flowBytes;
    if (stream.receiveWindow >= 0) return true;
    this.breakStream(stream, H2_ERROR.FLOW_CONTROL_ERROR);
    return false;
  }

  onDataPiece(bytes: Buffer, start: number, end: number): void {
    const stream = this.#dataStream;
    if (stream === undefined || stream.closed) this.creditConnection(end - start);
    else stream.user.onData(bytes, start, end);
  }

  onDataWaste(bytes: number): void {
    const stream = this.#dataStream;
    if (stream === undefined || stream.closed) this.creditConnection(bytes);
    else stream.credit(bytes);
  }

  onDataEnd(endStream: boolean): void {
    const stream = this.#dataStream;
    if (!endStream || stream === undefined || stream.closed) return;
    this.endRemote(stream);
    stream.user.onEnd();
  }

  protected endRemote(stream: Http2Stream): void {
    stream.remoteEnded = true;
    this.closeIfEnded(stream);
  }

  onHeaderBlock(streamId: number, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined || stream.remoteEnded) {
      this.onUnknownHeaders(streamId, bytes, start, end, endStream);
      return;
    }
    const { user } = stream;
    if (!this.decode(bytes, start, end, user.fieldBlock())) return;
    if (endStream) this.endRemote(stream);
    user.onFields(this.decoder.fault, endStream);
  }

  onPriority(): void {
    this.spendIdle();
  }

  onReset(streamId: number, code: number): void {
    if (!this.spendIdle()) return;
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.#stray(streamId, false);
      return;
    }
    this.closeStream(stream);
    stream.user.onReset(code, code === H2_ERROR.REFUSED_STREAM);
  }

  onSettings(bytes: Buffer, start: number, end: number): void {
    if (!this.spendIdle()) return;
    const before = this.peer.initialWindowBytes;
    const fault = this.peer.read(bytes, start, end, this.#encoder);
    if (fault !== H2_ERROR.NO_ERROR) {
      this.fail(fault);
      return;
    }
    const change = this.peer.initialWindowBytes - before;
    if (change !== 0 && !this.#changeWindows(change)) return;
    writeSettingsAck(this.output.buffer);
    this.onPeerSettings();
  }

  #changeWindows(change: number): boolean {
    for (const stream of this.streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > LARGEST_WINDOW_BYTES) {
        this.fail(H2_ERROR.FLOW_CONTROL_ERROR);
        return false;
      }
      if (change > 0) stream.wake();
    }
    return true;
  }

  onSettingsAck(): void {
    this.spendIdle();
  }

  onPing(bytes: Buffer, at: number, ack: boolean): void {
    if (this.spendIdle() && !ack) writePing(this.output.buffer, true, bytes, at);
  }

  onWindowUpdate(streamId: number, bytes: number): void {
    this.#spareUpdates -= 1;
    if (this.#spareUpdates < 0) {
      this.fail(H2_ERROR.ENHANCE_YOUR_CALM, 'http2WindowUpdates');
      return;
    }
    if (streamId === 0) {
      if (bytes === 0) this.fail(H2_ERROR.PROTOCOL_ERROR);
      else if (this.sendWindow + bytes > LARGEST_WINDOW_BYTES) this.fail(H2_ERROR.FLOW_CONTROL_ERROR);
      else {
        this.sendWindow += bytes;
        this.scheduleFlush();
      }
      return;
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (!this.wasOpen(streamId)) this.fail(H2_ERROR.PROTOCOL_ERROR);
      return;
    }
    const fault =
      bytes === 0
        ? H2_ERROR.PROTOCOL_ERROR
        : stream.sendWindow + bytes > LARGEST_WINDOW_BYTES
          ? H2_ERROR.FLOW_CONTROL_ERROR
          : H2_ERROR.NO_ERROR;
    if (fault === H2_ERROR.NO_ERROR) {
      stream.sendWindow += bytes;
      stream.wake();
      return;
    }
    this.breakStream(stream, fault);
  }
}
