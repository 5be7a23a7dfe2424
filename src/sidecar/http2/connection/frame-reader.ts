import type { InputBuffer } from '../../io/index.ts';
import { H2_LIMITS, type Http2Limit } from '../limits.ts';
import {
  DEFAULT_FRAME_BYTES,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  H2_ERROR,
  OutputBuffer,
  read31,
} from '../protocol/index.ts';

/** What a connection does with the frames that come. Those that return nothing may have ended the connection; `alive` says so. */
export interface FrameHandler {
  readonly alive: boolean;
  /** A DATA frame begins. @returns whether its bytes are wanted */
  onDataFrame(streamId: number, flowBytes: number, endStream: boolean): boolean;
  /** A piece of the DATA frame that began last, if its bytes are wanted. */
  onDataPiece(bytes: Buffer, start: number, end: number): void;
  /** Bytes of it that nobody will take: padding, or what is not wanted. */
  onDataWaste(bytes: number): void;
  onDataEnd(endStream: boolean): void;
  onHeaderBlock(streamId: number, bytes: Buffer, start: number, end: number, endStream: boolean): void;
  onPriority(): void;
  onReset(streamId: number, code: number): void;
  onSettings(bytes: Buffer, start: number, end: number): void;
  onSettingsAck(): void;
  onPing(bytes: Buffer, at: number, ack: boolean): void;
  onGoaway(lastStreamId: number, code: number): void;
  onWindowUpdate(streamId: number, bytes: number): void;
  /** The connection is broken (RFC 9113 section 5.4.1). */
  fail(code: number, limit?: Http2Limit): void;
}

/** Reads frames (RFC 9113 section 4), checks what can be checked without knowing streams, and hands them on. Bodies are handed on in pieces, as they come. */
export class FrameReader {
  readonly #handler: FrameHandler;
  #settingsSeen = false;
  /** Of the DATA frame that is under way. */
  #dataLeft = 0;
  #paddingLeft = 0;
  #dataEnds = false;
  #dataWanted = false;
  /** Of the field block that goes on in CONTINUATION; stream 0: none. */
  #blockStream = 0;
  #blockEnds = false;
  #blockFrames = 0;
  readonly #block = new OutputBuffer(0);

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** Reads what is whole. */
  read(input: InputBuffer): void {
    const handler = this.#handler;
    while (handler.alive) {
      if (this.#dataLeft > 0 || this.#paddingLeft > 0) {
        if (!this.#readData(input)) return;
        continue;
      }
      const available = input.end - input.start;
      if (available < FRAME_HEADER_BYTES) return;
      const { bytes, start } = input;
      const length =
        ((bytes[start] as number) << 16) | ((bytes[start + 1] as number) << 8) | (bytes[start + 2] as number);
      const type = bytes[start + 3] as number;
      const flags = bytes[start + 4] as number;
      const streamId = read31(bytes, start + 5);
      if (length > DEFAULT_FRAME_BYTES) {
        handler.fail(H2_ERROR.FRAME_SIZE_ERROR);
        return;
      }
      if (!this.#inOrder(type, streamId, flags)) {
        handler.fail(H2_ERROR.PROTOCOL_ERROR);
        return;
      }
      if (type === FRAME.DATA) {
        if (!this.#beginData(input, available, length, flags, streamId)) return;
        continue;
      }
      const whole = FRAME_HEADER_BYTES + length;
      if (available < whole) {
        input.expect(whole);
        return;
      }
      input.consumeTo(start + whole);
      this.#dispatch(bytes, start + FRAME_HEADER_BYTES, length, type, flags, streamId);
    }
  }

  /** SETTINGS comes first; nothing comes between the frames of one field block (RFC 9113 sections 3.4 and 4.3). */
  #inOrder(type: number, streamId: number, flags: number): boolean {
    if (!this.#settingsSeen) {
      this.#settingsSeen = true;
      return type === FRAME.SETTINGS && (flags & FLAG.ACK) === 0;
    }
    if (this.#blockStream !== 0) return type === FRAME.CONTINUATION && streamId === this.#blockStream;
    return type !== FRAME.CONTINUATION;
  }

  /** @returns whether the frame has begun */
  #beginData(
    input: InputBuffer,
    available: number,
    length: number,
    flags: number,
    streamId: number,
  ): boolean {
    const handler = this.#handler;
    let header = FRAME_HEADER_BYTES;
    let padding = 0;
    if (streamId === 0) {
      handler.fail(H2_ERROR.PROTOCOL_ERROR);
      return false;
    }
    if ((flags & FLAG.PADDED) !== 0) {
      header += 1;
      if (length > 0 && available < header) return false;
      padding = input.bytes[input.start + FRAME_HEADER_BYTES] as number;
      if (padding >= length) {
        handler.fail(length === 0 ? H2_ERROR.FRAME_SIZE_ERROR : H2_ERROR.PROTOCOL_ERROR);
        return false;
      }
    }
    input.consumeTo(input.start + header);
    const ends = (flags & FLAG.END_STREAM) !== 0;
    this.#dataWanted = handler.onDataFrame(streamId, length, ends);
    if (!handler.alive) return false;
    if (header > FRAME_HEADER_BYTES) handler.onDataWaste(1);
    this.#dataLeft = FRAME_HEADER_BYTES + length - header - padding;
    this.#paddingLeft = padding;
    this.#dataEnds = ends;
    if (this.#dataLeft + padding === 0 && this.#dataWanted) handler.onDataEnd(ends);
    return true;
  }

  /** @returns whether there may be more to read */
  #readData(input: InputBuffer): boolean {
    const handler = this.#handler;
    const { bytes, start } = input;
    const here = Math.min(this.#dataLeft, input.end - start);
    if (here > 0) {
      this.#dataLeft -= here;
      input.consumeTo(start + here);
      if (this.#dataWanted) handler.onDataPiece(bytes, start, start + here);
      else handler.onDataWaste(here);
    }
    if (this.#dataLeft > 0) return false;
    const padding = Math.min(this.#paddingLeft, input.end - input.start);
    if (padding > 0) {
      this.#paddingLeft -= padding;
      input.consumeTo(input.start + padding);
      handler.onDataWaste(padding);
    }
    if (this.#paddingLeft > 0) return false;
    if (this.#dataWanted) handler.onDataEnd(this.#dataEnds);
    return true;
  }

  #dispatch(bytes: Buffer, at: number, length: number, type: number, flags: number, streamId: number): void {
    const handler = this.#handler;
    switch (type) {
      case FRAME.HEADERS:
        this.#headers(bytes, at, length, flags, streamId);
        return;
      case FRAME.CONTINUATION:
        this.#continuation(bytes, at, length, flags);
        return;
      case FRAME.WINDOW_UPDATE:
        if (length !== 4) handler.fail(H2_ERROR.FRAME_SIZE_ERROR);
        else handler.onWindowUpdate(streamId, read31(bytes, at));
        return;
      case FRAME.RST_STREAM:
        if (length !== 4) handler.fail(H2_ERROR.FRAME_SIZE_ERROR);
        else if (streamId === 0) handler.fail(H2_ERROR.PROTOCOL_ERROR);
        else handler.onReset(streamId, read31(bytes, at));
        return;
      case FRAME.PRIORITY:
        if (streamId === 0) handler.fail(H2_ERROR.PROTOCOL_ERROR);
        else if (length !== 5) handler.fail(H2_ERROR.FRAME_SIZE_ERROR);
        else handler.onPriority();
        return;
      case FRAME.PUSH_PROMISE:
        // Clients must not, and we tell servers not to.
        handler.fail(H2_ERROR.PROTOCOL_ERROR);
        return;
      case FRAME.SETTINGS:
      case FRAME.PING:
      case FRAME.GOAWAY:
        if (streamId !== 0) handler.fail(H2_ERROR.PROTOCOL_ERROR);
        else this.#connectionFrame(bytes, at, length, type, flags);
        return;
      default:
        // Unknown types are ignored (RFC 9113 section 5.5), but not for nothing.
        handler.onPriority();
    }
  }

  #connectionFrame(bytes: Buffer, at: number, length: number, type: number, flags: number): void {
    const handler = this.#handler;
    const ack = (flags & FLAG.ACK) !== 0;
    if (type === FRAME.SETTINGS) {
      if (ack ? length !== 0 : length % 6 !== 0) handler.fail(H2_ERROR.FRAME_SIZE_ERROR);
      else if (ack) handler.onSettingsAck();
      else handler.onSettings(bytes, at, at + length);
    } else if (type === FRAME.PING) {
      if (length !== 8) handler.fail(H2_ERROR.FRAME_SIZE_ERROR);
      else handler.onPing(bytes, at, ack);
    } else if (length < 8) {
      handler.fail(H2_ERROR.FRAME_SIZE_ERROR);
    } else {
      handler.onGoaway(read31(bytes, at), read31(bytes, at + 4));
    }
  }

  #headers(bytes: Buffer, at: number, length: number, flags: number, streamId: number): void {
    const handler = this.#handler;
    let start = at;
    let end = at + length;
    if (streamId === 0) {
      handler.fail(H2_ERROR.PROTOCOL_ERROR);
      return;
    }
    if ((flags & FLAG.PADDED) !== 0) {
      end -= length > 0 ? (bytes[start] as number) : 0;
      start += 1;
    }
    if ((flags & FLAG.PRIORITY) !== 0) start += 5;
    if (start > end) {
      handler.fail(start > at + length ? H2_ERROR.FRAME_SIZE_ERROR : H2_ERROR.PROTOCOL_ERROR);
      return;
    }
    const ends = (flags & FLAG.END_STREAM) !== 0;
    if ((flags & FLAG.END_HEADERS) !== 0) {
      handler.onHeaderBlock(streamId, bytes, start, end, ends);
      return;
    }
    this.#blockStream = streamId;
    this.#blockEnds = ends;
    this.#blockFrames = 1;
    this.#block.length = 0;
    this.#block.append(bytes, start, end);
  }

  #continuation(bytes: Buffer, at: number, length: number, flags: number): void {
    const handler = this.#handler;
    const block = this.#block;
    this.#blockFrames += 1;
    block.append(bytes, at, at + length);
    if (this.#blockFrames > H2_LIMITS.blockFrames) {
      handler.fail(H2_ERROR.ENHANCE_YOUR_CALM, 'http2BlockFrames');
      return;
    }
    if (block.length > H2_LIMITS.blockBytes) {
      handler.fail(H2_ERROR.ENHANCE_YOUR_CALM, 'http2BlockBytes');
      return;
    }
    if ((flags & FLAG.END_HEADERS) === 0) return;
    const streamId = this.#blockStream;
    this.#blockStream = 0;
    handler.onHeaderBlock(streamId, block.bytes, 0, block.length, this.#blockEnds);
  }
}
