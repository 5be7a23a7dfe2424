import { FLAG, FRAME, FRAME_HEADER_BYTES } from './constants.ts';
import type { OutputBuffer } from './output-buffer.ts';

/** Writes a frame's header at `at`. */
export function writeFrameHeader(
  bytes: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  bytes[at + 5] = streamId >>> 24;
  bytes[at + 6] = streamId >>> 16;
  bytes[at + 7] = streamId >>> 8;
  bytes[at + 8] = streamId;
}

/** A number of 31 bits; the reserved bit is ignored (RFC 9113 section 4.1). */
export function read31(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) & 0x7f) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

/** A number of 32 bits. */
export function read32(bytes: Uint8Array, at: number): number {
  return read31(bytes, at) + ((bytes[at] as number) >= 0x80 ? 0x8000_0000 : 0);
}

function write32(out: OutputBuffer, value: number): void {
  const { bytes, length } = out;
  bytes[length] = value >>> 24;
  bytes[length + 1] = value >>> 16;
  bytes[length + 2] = value >>> 8;
  bytes[length + 3] = value;
  out.length = length + 4;
}

function begin(out: OutputBuffer, length: number, type: number, flags: number, streamId: number): void {
  out.reserve(FRAME_HEADER_BYTES + length);
  writeFrameHeader(out.bytes, out.length, length, type, flags, streamId);
  out.length += FRAME_HEADER_BYTES;
}

/** Writes a DATA frame with the bytes at `start`..`end`. */
export function writeData(
  out: OutputBuffer,
  streamId: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  endStream: boolean,
): void {
  begin(out, end - start, FRAME.DATA, endStream ? FLAG.END_STREAM : 0, streamId);
  out.append(bytes, start, end);
}

/** Makes the frame of DATA whose header stands at `at` the last of its stream. */
export function markEndStream({ bytes }: OutputBuffer, at: number): void {
  bytes[at + 4] = (bytes[at + 4] as number) | FLAG.END_STREAM;
}

/** Writes SETTINGS. */
export function writeSettings(
  out: OutputBuffer,
  settings: readonly (readonly [id: number, value: number])[],
): void {
  begin(out, 6 * settings.length, FRAME.SETTINGS, 0, 0);
  for (const [id, value] of settings) {
    out.bytes[out.length] = id >>> 8;
    out.bytes[out.length + 1] = id;
    out.length += 2;
    write32(out, value);
  }
}

/** Writes the acknowledgement of SETTINGS. */
export function writeSettingsAck(out: OutputBuffer): void {
  begin(out, 0, FRAME.SETTINGS, FLAG.ACK, 0);
}

/** Writes WINDOW_UPDATE; stream 0 is the connection. */
export function writeWindowUpdate(out: OutputBuffer, streamId: number, bytes: number): void {
  begin(out, 4, FRAME.WINDOW_UPDATE, 0, streamId);
  write32(out, bytes);
}

/** Writes RST_STREAM. */
export function writeReset(out: OutputBuffer, streamId: number, code: number): void {
  begin(out, 4, FRAME.RST_STREAM, 0, streamId);
  write32(out, code);
}

/** Writes GOAWAY. */
export function writeGoaway(out: OutputBuffer, lastStreamId: number, code: number): void {
  begin(out, 8, FRAME.GOAWAY, 0, 0);
  write32(out, lastStreamId);
  write32(out, code);
}

/** Writes PING, or its acknowledgement, with the eight bytes at `at`. */
export function writePing(out: OutputBuffer, ack: boolean, bytes: Uint8Array, at: number): void {
  begin(out, 8, FRAME.PING, ack ? FLAG.ACK : 0, 0);
  out.append(bytes, at, at + 8);
}

/** Leaves room for the header of a HEADERS frame. @returns where it stands, for {@link endHeaders} */
export function beginHeaders(out: OutputBuffer): number {
  out.reserve(FRAME_HEADER_BYTES);
  const at = out.length;
  out.length += FRAME_HEADER_BYTES;
  return at;
}

/** Completes a HEADERS frame whose block stands behind `at`; what does not fit into one frame goes on in CONTINUATION. */
export function endHeaders(
  out: OutputBuffer,
  at: number,
  streamId: number,
  endStream: boolean,
  maxFrameBytes: number,
): void {
  const flags = endStream ? FLAG.END_STREAM : 0;
  let from = at + FRAME_HEADER_BYTES;
  let left = out.length - from;
  if (left <= maxFrameBytes) {
    writeFrameHeader(out.bytes, at, left, FRAME.HEADERS, flags | FLAG.END_HEADERS, streamId);
    return;
  }
  writeFrameHeader(out.bytes, at, maxFrameBytes, FRAME.HEADERS, flags, streamId);
  for (;;) {
    from += maxFrameBytes;
    left -= maxFrameBytes;
    if (left <= 0) return;
    out.reserve(FRAME_HEADER_BYTES);
    out.bytes.copyWithin(from + FRAME_HEADER_BYTES, from, out.length);
    out.length += FRAME_HEADER_BYTES;
    const last = left <= maxFrameBytes;
    const length = Math.min(left, maxFrameBytes);
    writeFrameHeader(out.bytes, from, length, FRAME.CONTINUATION, last ? FLAG.END_HEADERS : 0, streamId);
    from += FRAME_HEADER_BYTES;
  }
}
