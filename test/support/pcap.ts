/** A TCP segment of a capture, over IPv4. */
export interface Segment {
  readonly from: string;
  readonly to: string;
  readonly dscp: number;
  readonly syn: boolean;
  readonly ack: boolean;
  readonly payload: Buffer;
}

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const ETHERNET_BYTES = 14;

const address = (packet: Buffer, at: number): string => [...packet.subarray(at, at + 4)].join('.');

/** Reads the IPv4 TCP segments of a capture in the classic pcap format (little endian, Ethernet), as tcpdump -w writes it. */
export function readSegments(capture: Buffer): Segment[] {
  if (capture.readUInt32LE(0) !== 0xa1b2c3d4 || capture.readUInt32LE(20) !== 1) {
    throw new Error('no little-endian Ethernet capture');
  }
  const segments: Segment[] = [];
  let at = FILE_HEADER_BYTES;
  while (at + RECORD_HEADER_BYTES <= capture.length) {
    const length = capture.readUInt32LE(at + 8);
    const frame = capture.subarray(at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + length);
    at += RECORD_HEADER_BYTES + length;
    if (frame.length < ETHERNET_BYTES + 40 || frame.readUInt16BE(12) !== 0x0800) continue;
    const packet = frame.subarray(ETHERNET_BYTES);
    if (packet[9] !== 6) continue;
    const headerBytes = (packet.readUInt8(0) & 0x0f) * 4;
    const tcp = packet.subarray(headerBytes);
    const flags = tcp.readUInt8(13);
    segments.push({
      from: `${address(packet, 12)}:${tcp.readUInt16BE(0)}`,
      to: `${address(packet, 16)}:${tcp.readUInt16BE(2)}`,
      dscp: packet.readUInt8(1) >> 2,
      syn: (flags & 0x02) !== 0,
      ack: (flags & 0x10) !== 0,
      payload: packet.subarray(headerBytes + (tcp.readUInt8(12) >> 4) * 4, packet.readUInt16BE(2)),
    });
  }
  return segments;
}
