import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

const arch = process.arch;

beforeAll(() => {
  Object.defineProperty(process, 'arch', { value: 'mips' });
  vi.resetModules();
});

afterAll(() => {
  Object.defineProperty(process, 'arch', { value: arch });
});

it('everything works where socket options cannot be set, and says why', async () => {
  const module = await import('../../../src/transport/index.ts');
  expect(module.probeTransport(['cubic'])).toEqual({
    socketOptions: false,
    congestionControls: [],
    pacing: false,
  });
  expect(module.whyNoSocketOptions()).toBe('the option numbers of mips are not known');

  const server = net.createServer((peer) => peer.pipe(peer));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const transport = module.openTransport();
  const profile = { congestionControl: 'reno', dscp: 46, scavenger: { targetDelayMs: 10, minRateBps: 1000 } };
  expect(module.applyListenerProfile(server, profile, transport)).toEqual([]);
  const { port } = server.address() as net.AddressInfo;
  const socket = module.connectWithProfile({ host: '127.0.0.1', port }, profile, { transport });
  expect(module.applyProfile(socket, profile, transport)).toEqual([]);
  socket.end('there and back');
  const [data] = (await once(socket, 'data')) as [Buffer];
  expect(data.toString()).toBe('there and back');
  expect(module.tcpInfo(socket, module.emptyTcpInfo())).toBe(false);
  expect(module.congestionControlOf(socket)).toBeUndefined();
  server.close();
  await once(server, 'close');
});
