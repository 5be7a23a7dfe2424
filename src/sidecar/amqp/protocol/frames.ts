/** What a client sends first (AMQP 0-9-1 section 4.2.2). A server that wants another version answers with it and closes. */
export const PROTOCOL_HEADER: Buffer = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1');

/** Types of frames (section 4.2.3). */
export const FRAME = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;

/** The octet that ends every frame. */
export const FRAME_END = 0xce;

/** Bytes of a frame beside its payload: type, channel, size and end. */
export const FRAME_OVERHEAD = 8;

/** Every peer must accept frames of this many bytes, and before tuning sends none that is larger (section 4.2.3). */
export const MIN_FRAME_MAX = 4096;

const HEAD_BYTES = FRAME_OVERHEAD - 1;

/**
 * Why bytes are not a frame: a type that does not exist, more bytes than were agreed upon, or no end octet where the frame ends.
 * All are a frame error (501): where the next frame would begin is unknown.
 */
export type FrameFault = 'bad-type' | 'too-large' | 'bad-end';

/** Finds the frames in a stream of bytes. It holds the place of the last frame that it found and no bytes; it never throws. */
export class FrameScanner {
  /** One of `FRAME`. */
  type = 0;
  channel = 0;
  payloadStart = 0;
  payloadEnd = 0;
  /**
   * Where the frame ends, its end octet included, which is where the next one begins. After `incomplete`: where the frame will end,
   * or -1 while that is unknown.
   */
  frameEnd = -1;

  /**
   * Reads the frame that begins at `start`; bytes from `end` on are not looked at.
   *
   * A fault is told as early as it shows: of a frame that is too large no more than its first 7 bytes need to have arrived.
   *
   * @param maxFrameBytes the agreed frame-max, `FRAME_OVERHEAD` included. RabbitMQ accepts 8 bytes more, because some clients take
   * frame-max for the size of the payload.
   */
  scan(
    bytes: Uint8Array,
    start: number,
    end: number,
    maxFrameBytes: number,
  ): 'frame' | 'incomplete' | FrameFault {
    this.frameEnd = -1;
    if (start >= end) return 'incomplete';
    const type = bytes[start] as number;
    if (type !== FRAME.body && type !== FRAME.method && type !== FRAME.header && type !== FRAME.heartbeat) {
      return 'bad-type';
    }
    const payloadStart = start + HEAD_BYTES;
    if (payloadStart > end) return 'incomplete';
    const size =
      (((bytes[start + 3] as number) << 24) |
        ((bytes[start + 4] as number) << 16) |
        ((bytes[start + 5] as number) << 8) |
        (bytes[start + 6] as number)) >>>
      0;
    if (size + FRAME_OVERHEAD > maxFrameBytes) return 'too-large';
    const payloadEnd = payloadStart + size;
    this.frameEnd = payloadEnd + 1;
    if (payloadEnd >= end) return 'incomplete';
    if (bytes[payloadEnd] !== FRAME_END) return 'bad-end';
    this.type = type;
    this.channel = ((bytes[start + 1] as number) << 8) | (bytes[start + 2] as number);
    this.payloadStart = payloadStart;
    this.payloadEnd = payloadEnd;
    return 'frame';
  }
}

/** Writes the 7 bytes before a payload at `at`. */
export function writeFrameHead(
  bytes: Buffer,
  at: number,
  type: number,
  channel: number,
  payloadBytes: number,
): void {
  bytes[at] = type;
  bytes.writeUInt16BE(channel, at + 1);
  bytes.writeUInt32BE(payloadBytes, at + 3);
}

/** A whole frame with a copy of the payload. */
export function encodeFrame(type: number, channel: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(payload.length + FRAME_OVERHEAD);
  writeFrameHead(frame, 0, type, channel, payload.length);
  frame.set(payload, HEAD_BYTES);
  frame[frame.length - 1] = FRAME_END;
  return frame;
}

/** The one heartbeat frame that there is (section 4.2.7). */
export const heartbeatFrame: Buffer = encodeFrame(FRAME.heartbeat, 0, new Uint8Array(0));
