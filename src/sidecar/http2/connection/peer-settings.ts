import {
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  H2_ERROR,
  type HpackEncoder,
  LARGEST_FRAME_BYTES,
  LARGEST_WINDOW_BYTES,
  read32,
  SETTING,
} from '../protocol/index.ts';

const BYTES_PER_SETTING = 6;

/** What the peer has said in SETTINGS (RFC 9113 section 6.5.2). */
export class PeerSettings {
  /** How many streams of ours it takes at once. */
  concurrentStreams = Number.POSITIVE_INFINITY;
  initialWindowBytes = DEFAULT_WINDOW_BYTES;
  maxFrameBytes = DEFAULT_FRAME_BYTES;

  /** Takes over what a frame says. @returns NO_ERROR, or with what the connection fails */
  read(bytes: Buffer, start: number, end: number, encoder: HpackEncoder): number {
    for (let at = start; at < end; at += BYTES_PER_SETTING) {
      const value = read32(bytes, at + 2);
      switch (bytes.readUInt16BE(at)) {
        case SETTING.HEADER_TABLE_SIZE:
          encoder.limitTable(value);
          break;
        case SETTING.ENABLE_PUSH:
          if (value > 1) return H2_ERROR.PROTOCOL_ERROR;
          break;
        case SETTING.MAX_CONCURRENT_STREAMS:
          this.concurrentStreams = value;
          break;
        case SETTING.INITIAL_WINDOW_SIZE:
          if (value > LARGEST_WINDOW_BYTES) return H2_ERROR.FLOW_CONTROL_ERROR;
          this.initialWindowBytes = value;
          break;
        case SETTING.MAX_FRAME_SIZE:
          if (value < DEFAULT_FRAME_BYTES || value > LARGEST_FRAME_BYTES) return H2_ERROR.PROTOCOL_ERROR;
          this.maxFrameBytes = value;
          break;
        default:
      }
    }
    return H2_ERROR.NO_ERROR;
  }
}
