import type { ByteStream, StreamOwner } from '../../io/index.ts';
import { H2_LIMITS } from '../limits.ts';
import {
  COMPRESSION_FAULT,
  type FieldBlock,
  H2_ERROR,
  HpackDecoder,
  LARGEST_WINDOW_BYTES,
  writePing,
  writeReset,
  writeSettingsAck,
} from '../protocol/index.ts';
import { type FrameHandler, FrameReader } from './frame-reader.ts';
import { type ConnectionContext, Http2Sender } from './http2-sender.ts';
import { IdleFrames } from './idle-frames.ts';
import type { Http2Stream } from './stream.ts';

/** Frames beside DATA that may be under way on a stream that is reset here: a head, trailers or an end, a reset. */
const STRAY_FRAMES = 3;

/** One connection of HTTP/2, seen from either end: what comes on it, but not what its streams carry. */
export abstract class Http2Connection extends Http2Sender implements StreamOwner, FrameHandler {
  protected readonly decoder: HpackDecoder;
  readonly #reader: FrameReader;
  readonly #idle = new IdleFrames();
  #dataStream: Http2Stream | undefined;
  /** What may still come of streams that were reset here, because their senders had not heard of it: that is nobody's fault. */
  #strayBytes = 0;
  #strayFrames = 0;

  constructor(wire: ByteStream, context: ConnectionContext) {
    super(wire, context);
    this.decoder = new HpackDecoder(context.pairs, context.maxHeadBytes);
    this.#reader = new FrameReader(this);
  }

  /** A field block of a stream that is not known here. @returns whether it was expected */
  protected abstract onUnknownHeaders(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
  ): void;
  abstract onGoaway(lastStreamId: number, code: number): void;
  /** The peer has said how many streams it takes. */
  protected abstract onPeerSettings(): void;
  abstract onClosed(error: Error | undefined): void;
  abstract onEnd(): void;
  /** Whether a stream of this number has been open: then what comes on it may still have been under way. */
  protected abstract wasOpen(streamId: number): boolean;

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

  /** The peer did something that costs and brings nothing forward. @returns whether it may */
  protected spendIdle(): boolean {
    if (!this.#idle.spend(this.context.nowMs())) return true;
    this.fail(H2_ERROR.ENHANCE_YOUR_CALM, 'http2IdleFrames');
    return false;
  }

  /** Reads a block into `into`. @returns whether the connection is still good */
  protected decode(bytes: Buffer, start: number, end: number, into: FieldBlock): boolean {
    if (this.decoder.decode(bytes, start, end, into) !== COMPRESSION_FAULT) return true;
    this.fail(H2_ERROR.COMPRESSION_ERROR);
    return false;
  }

  /** Who makes us reset streams costs as much as who resets them (CVE-2025-8671). */
  override breakStream(stream: Http2Stream, code: number): void {
    if (this.spendIdle()) super.breakStream(stream, code);
  }

  override resetStream(stream: Http2Stream, code: number): void {
    if (!stream.closed && stream.id !== 0 && !stream.remoteEnded) {
      const { connectionWindowBytes, idleFrames } = H2_LIMITS;
      const mayCome = Math.max(0, stream.receiveWindow);
      this.#strayBytes = Math.min(connectionWindowBytes, this.#strayBytes + mayCome);
      this.#strayFrames = Math.min(idleFrames, this.#strayFrames + STRAY_FRAMES);
    }
    super.resetStream(stream, code);
  }

  /** A frame came that a stream has been reset before. @returns whether it may */
  protected spendStray(): boolean {
    if (this.#strayFrames === 0) return this.spendIdle();
    this.#strayFrames -= 1;
    return true;
  }

  /** A frame for a stream that is not open: an error of the connection if it never was (RFC 9113 section 5.1). */
  #stray(streamId: number, answer: boolean): void {
    if (!this.wasOpen(streamId)) this.fail(H2_ERROR.PROTOCOL_ERROR);
    else if (this.spendStray() && answer) writeReset(this.output.buffer, streamId, H2_ERROR.STREAM_CLOSED);
  }

  onDataFrame(streamId: number, flowBytes: number, endStream: boolean): boolean {
    this.receiveWindow -= flowBytes;
    if (this.receiveWindow < 0) {
      this.fail(H2_ERROR.FLOW_CONTROL_ERROR);
      return false;
    }
    const stream = this.streams.get(streamId);
    this.#dataStream = stream;
    if (stream === undefined) {
      if (flowBytes > 0 && flowBytes <= this.#strayBytes && this.wasOpen(streamId))
        this.#strayBytes -= flowBytes;
      else this.#stray(streamId, true);
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
    const fault = this.peer.read(bytes, start, end, this.encoder);
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
    this.spareUpdates -= 1;
    if (this.spareUpdates < 0) {
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
