import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { capture, type Packet } from './capture.ts';
import { type Network, nodeScript, openNetwork, SENDER, SENDER_6 } from './lab.ts';

const EF = 46;
const LE = 1;
const PORT = 9100;

let network: Network;

beforeAll(async () => {
  network = await openNetwork();
});

afterAll(() => network.close());

/** A marked client asks an accepted socket, that is marked LE, for `bytes`; the packets are those at the router. */
async function packetsOf(host: string, port: number, reflect: '0' | '1'): Promise<Packet[]> {
  await network.run('sender', ['sh', '-c', `echo ${reflect} > /proc/sys/net/ipv4/tcp_reflect_tos`]);
  const server = network.start('sender', nodeScript('source.ts', String(port), JSON.stringify({ dscp: LE })));
  await server.next();
  const packets = await capture(network, 'router', 'left', async () => {
    const client = network.start(
      'receiver',
      nodeScript('marked-client.ts', host, String(port), '100000', String(EF)),
    );
    await client.next();
    await client.stop();
  });
  await server.stop();
  return packets;
}

describe.each([
  ['IPv4', SENDER, 0],
  ['IPv6', SENDER_6, 1],
] as const)('marks on the wire, %s', (_name, host, offset) => {
  it('stand on the SYN, on requests and on responses; the SYN-ACK has the mark of the SYN where the kernel reflects', async () => {
    const port = PORT + offset * 2;
    const packets = await packetsOf(host, port, '1');
    const fromServer = packets.filter(({ sourcePort }) => sourcePort === port);
    const fromClient = packets.filter(({ sourcePort }) => sourcePort !== port);
    expect(new Set(fromClient.filter(({ syn }) => syn).map(({ dscp }) => dscp))).toEqual(new Set([EF]));
    expect(new Set(fromClient.map(({ dscp }) => dscp))).toEqual(new Set([EF]));
    expect(fromClient.some(({ payloadBytes }) => payloadBytes > 0)).toBe(true);
    expect(new Set(fromServer.filter(({ syn }) => syn).map(({ dscp }) => dscp))).toEqual(new Set([EF]));
    const data = fromServer.filter(({ payloadBytes }) => payloadBytes > 0);
    expect(data.length).toBeGreaterThan(5);
    expect(new Set(data.map(({ dscp }) => dscp))).toEqual(new Set([LE]));
  });

  it('are absent from the SYN-ACK where the kernel does not reflect', async () => {
    const port = PORT + offset * 2 + 1;
    const packets = await packetsOf(host, port, '0');
    const answers = packets.filter(({ syn, ack }) => syn && ack);
    expect(new Set(answers.map(({ dscp }) => dscp))).toEqual(new Set([0]));
  });
});
