import { fileURLToPath } from 'node:url';
import type { Network, NodeName } from './lab.ts';

/** One TCP packet of a capture. */
export interface Packet {
  readonly sourcePort: number;
  readonly dscp: number;
  readonly syn: boolean;
  readonly ack: boolean;
  readonly payloadBytes: number;
}

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const TCP = 6;

function parseFrame(frame: Buffer): Packet | undefined {
  const type = frame.readUInt16BE(12);
  const ip = frame.subarray(14);
  if (type === IPV4 && ip[9] === TCP) {
    const header = ((ip[0] ?? 0) & 15) * 4;
    return parseTcp(ip.subarray(header), (ip[1] ?? 0) >> 2, ip.readUInt16BE(2) - header);
  }
  if (type === IPV6 && ip[6] === TCP) {
    return parseTcp(ip.subarray(40), (ip.readUInt16BE(0) >> 6) & 63, ip.readUInt16BE(4));
  }
  return undefined;
}

function parseTcp(tcp: Buffer, dscp: number, bytes: number): Packet {
  const flags = tcp[13] ?? 0;
  return {
    sourcePort: tcp.readUInt16BE(0),
    dscp,
    syn: (flags & 2) !== 0,
    ack: (flags & 16) !== 0,
    payloadBytes: bytes - ((tcp[12] ?? 0) >> 4) * 4,
  };
}

/** Captures the TCP packets at a device, in both directions, while `during` runs. */
export async function capture(
  network: Network,
  node: NodeName,
  device: string,
  during: () => Promise<void>,
): Promise<Packet[]> {
  const script = fileURLToPath(new URL('capture.py', import.meta.url));
  const program = network.start(node, ['/usr/bin/python3', script, device]);
  await program.next();
  await during();
  const stopped = program.stop();
  const packets: Packet[] = [];
  for (;;) {
    const line = await program.next();
    if (line === null) break;
    const packet = parseFrame(Buffer.from(String(line), 'hex'));
    if (packet !== undefined) packets.push(packet);
  }
  await stopped;
  return packets;
}
