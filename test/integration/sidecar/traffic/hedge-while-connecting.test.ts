import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../harness.ts';
import { type Calls, callsTo } from './support.ts';

let calls: Calls | undefined;
const servers: net.Server[] = [];
const sockets = new Set<net.Socket>();

afterEach(async () => {
  await calls?.close();
  calls = undefined;
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** A server that hands over each request with its connection, and can stop listening without closing what it has. */
async function endpoint(handler: (server: net.Server, socket: net.Socket, path: string) => void) {
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      handler(server, socket, /^GET (\S+)/.exec(bytes.toString('latin1'))?.[1] ?? '');
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const HEDGE = { classes: ['interactive'], afterMs: 40, maxPercent: 50 };
const answer = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

describe('a hedge that is answered while the first attempt waits for a connection', () => {
  it('leaves nobody waiting for one, who would send the request after it', async () => {
    const paths: string[] = [];
    const warm = new Set<net.Server>();
    let hedged: net.Socket | undefined;
    let first: { server: net.Server; socket: net.Socket } | undefined;
    const handler = (server: net.Server, socket: net.Socket, path: string): void => {
      if (path === '/warm') warm.add(server);
      else paths.push(path);
      if (path !== '/one') socket.write(answer(path));
      else if (first === undefined) first = { server, socket };
      else hedged = socket;
    };
    const ports = [await endpoint(handler), await endpoint(handler)];
    calls = await callsTo({ service: ports }, { services: { service: { hedge: HEDGE, maxConnections: 1 } } });
    // Both endpoints have a connection that was used before.
    while (warm.size < 2) await calls.call('service', { path: '/warm' });
    const { sidecar } = calls;
    const pools = () => {
      const { pools: all } = sidecar.statistics()['outbound'] as {
        pools: { inFlight: number; waiting: number }[];
      };
      return {
        waiting: all.reduce((sum, { waiting }) => sum + waiting, 0),
        inFlight: all.reduce((sum, { inFlight }) => sum + inFlight, 0),
      };
    };
    // One connection of the caller: its next request is served by the same exchange.
    let seen = '';
    const caller = net.connect(sidecar.outboundPort ?? 0, '127.0.0.1');
    sockets.add(caller);
    caller.on('error', () => undefined);
    caller.on('data', (bytes: Buffer) => {
      seen += bytes.toString('latin1');
    });
    caller.write('GET /one HTTP/1.1\r\nhost: service\r\n\r\n');
    await until(() => hedged !== undefined);
    // Its connection breaks, its endpoint takes no other, and the other endpoint's only one carries the hedge.
    first?.server.close();
    first?.socket.resetAndDestroy();
    await until(() => pools().waiting > 0);
    hedged?.write(answer('/one'));
    await until(() => seen.endsWith('/one'));
    expect(pools()).toEqual({ waiting: 0, inFlight: 0 });
    caller.write('GET /two HTTP/1.1\r\nhost: service\r\n\r\n');
    await until(() => seen.endsWith('/two'));
    expect(paths).toEqual(['/one', '/one', '/two']);
    expect(pools()).toEqual({ waiting: 0, inFlight: 0 });
  });
});
