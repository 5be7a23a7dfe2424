import http2 from 'node:http2';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Address } from '../../../../src/config/index.ts';
import { grpcCheck } from '../../../../src/sidecar/health/index.ts';

const SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
const NOT_SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 2]);

let server: http2.Http2Server;
let address: Address;
let asked: { readonly path: string; readonly baggage: string; readonly body: Buffer }[];
let answer: { readonly body: Buffer; readonly status: string };

beforeEach(async () => {
  asked = [];
  server = http2.createServer();
  server.on('stream', (stream: http2.ServerHttp2Stream, head: http2.IncomingHttpHeaders) => {
    const chunks: Buffer[] = [];
    stream.on('data', (bytes: Buffer) => chunks.push(bytes));
    stream.on('end', () => {
      asked.push({
        path: String(head[':path']),
        baggage: String(head['baggage']),
        body: Buffer.concat(chunks),
      });
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': answer.status }));
      stream.end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port };
});

afterEach(() => new Promise<void>((resolve) => server.close(() => resolve())));

const check = (to: Address): Promise<boolean> =>
  new Promise((resolve) => {
    grpcCheck(({ host, port }) => net.connect({ host, port }), {
      service: 'shop.Cart',
      host: 'shop',
      fields: [['baggage', 'priomesh.class=batch']],
    })(to, resolve);
  });

describe('the gRPC health check', () => {
  it('asks for the service as the protocol says, and believes SERVING', async () => {
    answer = { body: SERVING, status: '0' };
    expect(await check(address)).toBe(true);
    expect(asked).toEqual([
      {
        path: '/grpc.health.v1.Health/Check',
        baggage: 'priomesh.class=batch',
        body: Buffer.from('\0\0\0\0\u000b\n\tshop.Cart', 'latin1'),
      },
    ]);
  });

  it.each([
    ['NOT_SERVING', { body: NOT_SERVING, status: '0' }],
    ['an error', { body: SERVING, status: '5' }],
    ['nothing', { body: Buffer.alloc(0), status: '0' }],
    ['too much', { body: Buffer.alloc(500), status: '0' }],
  ])('does not believe %s', async (_what, said) => {
    answer = said;
    expect(await check(address)).toBe(false);
  });

  it('takes nobody for not well, and one who does not speak HTTP/2', async () => {
    const other = net.createServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as net.AddressInfo;
    expect(await check({ host: '127.0.0.1', port })).toBe(false);
    await new Promise<void>((resolve) => other.close(() => resolve()));
    expect(await check({ host: '127.0.0.1', port })).toBe(false);
  });
});
