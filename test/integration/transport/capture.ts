import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
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

/** Reads the TCP packets out of a pcap file of Ethernet frames (libpcap's savefile format, little endian). */
function readCapture(file: Buffer): Packet[] {
  const packets: Packet[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const length = file.readUInt32LE(at + 8);
    const packet = parseFrame(file.subarray(at + 16, at + 16 + length));
    if (packet !== undefined) packets.push(packet);
    at += 16 + length;
  }
  return packets;
}

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

/** Captures `count` TCP packets at a device with tcpdump while `during` runs, and resolves when it has them. */
export async function capture(
  network: Network,
  node: NodeName,
  device: string,
  count: number,
  during: () => Promise<void>,
): Promise<Packet[]> {
  const [command = '', ...rest] = network.enter(node);
  const options = [
    '--immediate-mode',
    '-U',
    '-n',
    '-Z',
    'root',
    '-i',
    device,
    '-c',
    String(count),
    '-w',
    '-',
  ];
  const running = promisify(execFile)(command, [...rest, 'tcpdump', ...options, 'tcp'], {
    timeout: 60_000,
    encoding: 'buffer',
  });
  await new Promise<void>((resolve, reject) => {
    running.child.stderr?.on('data', (text: Buffer) => {
      if (String(text).includes('listening on')) resolve();
    });
    running.catch(reject);
  });
  await during();
  return readCapture((await running).stdout);
}
