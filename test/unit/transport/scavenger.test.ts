import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/index.ts';
import {
  applyProfile,
  connectWithProfile,
  descriptorOf,
  openTransport,
  Scavenger,
  type Transport,
} from '../../../src/transport/index.ts';
import { readMaxPacingRate } from '../../../src/transport/socket-options.ts';
import { SCAVENGER } from './policy-fixture.ts';

const PROFILE = { congestionControl: 'reno', scavenger: SCAVENGER };

let transport: Transport;
let server: net.Server;
let sockets: net.Socket[];

beforeEach(async () => {
  transport = openTransport();
  sockets = [];
  server = net.createServer((peer) => {
    sockets.push(peer);
    peer.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  transport.close();
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, 'close');
});

async function connected(): Promise<net.Socket> {
  const { port } = server.address() as net.AddressInfo;
  const socket = connectWithProfile({ host: '127.0.0.1', port }, PROFILE, { transport });
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

async function paced(socket: net.Socket): Promise<void> {
  while (readMaxPacingRate(descriptorOf(socket)) === Number.POSITIVE_INFINITY) {
    socket.write(Buffer.alloc(1000));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe('Scavenger', () => {
  it('caps a connection that sends, and takes the cap away when the profile changes', async () => {
    const socket = await connected();
    expect(transport.scavenger.statistics()).toMatchObject({ sockets: 1, overLimit: 0 });
    await paced(socket);
    expect(transport.scavenger.statistics().paths[0]).toMatchObject({ peer: '127.0.0.1' });
    applyProfile(socket, { congestionControl: 'reno' }, transport);
    expect(readMaxPacingRate(descriptorOf(socket))).toBe(Number.POSITIVE_INFINITY);
    expect(transport.scavenger.statistics().sockets).toBe(0);
  });

  it('knows the paths to one peer apart, and a connection that moves keeps its cap until the new one is measured', async () => {
    const socket = await connected();
    await paced(socket);
    const { rateBps } = transport.scavenger.statistics().paths[0] ?? { rateBps: 0 };
    applyProfile(socket, { ...PROFILE, dscp: 7, networkPath: 1 }, transport);
    expect(readMaxPacingRate(descriptorOf(socket))).toBeLessThan(Number.POSITIVE_INFINITY);
    const [moved, ...others] = transport.scavenger.statistics().paths;
    expect([moved?.peer, moved?.active, others]).toEqual(['127.0.0.1 path 1', 0, []]);
    expect(moved?.baseDelayUs).toBe(Number.POSITIVE_INFINITY);
    expect(rateBps).toBeGreaterThan(0);
    while (transport.scavenger.statistics().paths[0]?.active === 0) {
      socket.write(Buffer.alloc(1000));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(transport.scavenger.statistics().paths[0]?.baseDelayUs).toBeLessThan(Number.POSITIVE_INFINITY);
    applyProfile(socket, PROFILE, transport);
    const peers = transport.scavenger.statistics().paths.map(({ peer, baseDelayUs }) => [peer, baseDelayUs]);
    expect(peers).toEqual([['127.0.0.1', expect.any(Number)]]);
    expect(peers[0]?.[1]).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  it('forgets a connection that closes', async () => {
    const socket = await connected();
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
    expect(transport.scavenger.statistics().sockets).toBe(0);
  });

  it('paces connections to a new peer also when it knows as many as it remembers', async () => {
    const few = new Scavenger({ clock: systemClock, refusals: transport.refusals, maxPaths: 1 });
    const [one, other] = [await connected(), await connected()];
    few.register(one, SCAVENGER, 'one');
    few.register(other, SCAVENGER, 'other');
    expect(few.statistics().paths.map(({ peer }) => peer)).toEqual(['one', 'other']);
    few.close();
  });

  it('leaves a listener on a socket only while it paces it', async () => {
    const socket = await connected();
    const before = socket.listenerCount('close');
    for (let round = 0; round < 20; round += 1) {
      applyProfile(socket, { congestionControl: 'reno' }, transport);
      applyProfile(socket, PROFILE, transport);
    }
    expect(socket.listenerCount('close')).toBe(before);
  });

  it('takes the caps away when it is closed', async () => {
    const socket = await connected();
    await paced(socket);
    transport.close();
    expect(readMaxPacingRate(descriptorOf(socket))).toBe(Number.POSITIVE_INFINITY);
  });
});
