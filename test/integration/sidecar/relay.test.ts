import { createHash } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Sidecar } from '../../../src/sidecar/index.ts';
import { FIXED_LIMITS } from '../../../src/sidecar/limits.ts';
import {
  exchangeRaw,
  httpApplication,
  occurrences,
  rawApplication,
  request,
  sidecarBefore,
  type TestServer,
  until,
} from './harness.ts';

let sidecar: Sidecar | undefined;
let application: TestServer | undefined;

afterEach(async () => {
  await application?.close();
  await sidecar?.close();
  sidecar = undefined;
  application = undefined;
});

async function inbound(started: Promise<TestServer>, options = {}): Promise<number> {
  application = await started;
  sidecar = await sidecarBefore(application.port, options);
  return sidecar.inboundPort ?? 0;
}

function side(): Record<string, unknown> {
  return (sidecar?.statistics()['inbound'] ?? {}) as Record<string, unknown>;
}

function counters(name = 'interactive'): Record<string, number> {
  const classes = side()['classes'] as Record<string, Record<string, number>>;
  return classes[name] ?? {};
}

describe('ordinary requests', () => {
  it('passes method, target, fields and body on, and the response back', async () => {
    const port = await inbound(
      httpApplication((incoming, response) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          response.setHeader('x-seen', `${incoming.method} ${incoming.url} ${incoming.headers['x-own']}`);
          response.statusCode = 201;
          response.end(Buffer.concat(chunks).toString().toUpperCase());
        });
      }),
    );
    const reply = await request(port, {
      method: 'POST',
      path: '/a?b=c',
      headers: { 'x-own': 'yes' },
      body: 'hello',
    });
    expect(reply.status).toBe(201);
    expect(reply.headers['x-seen']).toBe('POST /a?b=c yes');
    expect(reply.body).toBe('HELLO');
  });

  it('stamps the class at the ingress and strips what came from outside', async () => {
    const port = await inbound(
      httpApplication((incoming, response) => response.end(JSON.stringify(incoming.headers))),
    );
    const reply = await request(port, {
      path: '/batch/x',
      headers: {
        tracestate: 'other=1,priomesh=c:interactive',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        baggage: 'priomesh.class=interactive,k=v',
        connection: 'x-hop',
        'x-hop': 'gone',
      },
    });
    const seen = JSON.parse(reply.body) as Record<string, string>;
    expect(seen['tracestate']).toBe('priomesh=c:batch,other=1');
    expect(seen['baggage']).toContain('priomesh.class=batch');
    expect(seen['baggage']).not.toContain('interactive');
    expect(seen['x-hop']).toBeUndefined();
    expect(seen['x-request-id']).toBeDefined();
    expect(counters('batch')['requests']).toBe(1);
  });

  it('stamps the class anew where Connection takes the carriers away', async () => {
    const port = await inbound(
      httpApplication((incoming, response) => response.end(JSON.stringify(incoming.headers))),
    );
    const carriers = {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'priomesh=c:batch',
      baggage: 'priomesh.class=batch',
      'x-request-id': 'r1',
    };
    const { body } = await request(port, {
      path: '/batch/x',
      headers: { ...carriers, connection: Object.keys(carriers).join(', ') },
    });
    const seen = JSON.parse(body) as Record<string, string>;
    expect(seen).toMatchObject({ tracestate: 'priomesh=c:batch', baggage: 'priomesh.class=batch' });
    expect(seen['traceparent']).toMatch(/^00-(?!0af7651916cd43dd8448eb211c80319c)/);
    expect(seen['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('keeps connections alive on both sides', async () => {
    const ports = new Set<number | undefined>();
    const port = await inbound(
      httpApplication((incoming, response) => {
        ports.add(incoming.socket.remotePort);
        response.end('ok');
      }),
    );
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let round = 0; round < 20; round += 1) expect((await request(port, { agent })).status).toBe(200);
    agent.destroy();
    expect(ports.size).toBe(1);
    expect(side()['connectionsAccepted']).toBe(1);
  });

  it('answers pipelined requests one after the other, however they are cut', async () => {
    const port = await inbound(httpApplication((incoming, response) => response.end(`<${incoming.url}>`)));
    const all = Buffer.from(
      Array.from(
        { length: 50 },
        (_, index) => `POST /${index} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`,
      ).join(''),
    );
    for (const size of [all.length, 1000, 61, 7]) {
      const pieces = [];
      for (let at = 0; at < all.length; at += size) pieces.push(all.subarray(at, at + size));
      const { text } = await exchangeRaw(port, pieces, (got) => got.includes('</49>'));
      const order = [...text.matchAll(/<\/(\d+)>/g)].map((match) => Number(match[1]));
      expect(order).toEqual(Array.from({ length: 50 }, (_, index) => index));
    }
  });

  it('passes chunked bodies and trailers both ways', async () => {
    const port = await inbound(
      httpApplication((incoming, response) => {
        let size = 0;
        incoming.on('data', (chunk: Buffer) => {
          size += chunk.length;
        });
        incoming.on('end', () => {
          response.writeHead(200, { trailer: 'x-end' });
          response.write(`${size}`);
          response.addTrailers({ 'x-end': incoming.trailers['x-in'] ?? 'none' });
          response.end();
        });
      }),
    );
    const { text } = await exchangeRaw(
      port,
      [
        'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a="b"\r\nhel',
        'lo\r\n0\r\nX-In: 7\r\n',
        '\r\n',
      ],
      (got) => got.includes('x-end: 7\r\n\r\n'),
    );
    expect(text).toContain('\r\n1\r\n5\r\n');
  });

  it('knows responses without a body', async () => {
    const port = await inbound(
      httpApplication((incoming, response) => {
        if (incoming.url === '/204') response.writeHead(204).end();
        else if (incoming.url === '/304') response.writeHead(304, { 'content-length': '10' }).end();
        else response.writeHead(200, { 'content-length': '5' }).end('12345');
      }),
    );
    const { text } = await exchangeRaw(
      port,
      [
        'HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n',
        'GET /204 HTTP/1.1\r\nHost: a\r\n\r\n',
        'GET /304 HTTP/1.1\r\nHost: a\r\n\r\n',
        'GET /last HTTP/1.1\r\nHost: a\r\n\r\n',
      ],
      (got) => got.endsWith('12345'),
    );
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual([
      'HTTP/1.1 200',
      'HTTP/1.1 204',
      'HTTP/1.1 304',
      'HTTP/1.1 200',
    ]);
    expect(occurrences(text, '12345')).toBe(1);
  });

  it('passes 100 Continue', async () => {
    const port = await inbound(httpApplication((incoming, response) => incoming.pipe(response)));
    const body = await new Promise<string>((resolve, reject) => {
      const sent = http.request(
        {
          port,
          host: '127.0.0.1',
          method: 'POST',
          headers: { expect: '100-continue', 'content-length': '4' },
        },
        (response) => {
          response.setEncoding('latin1');
          response.on('data', resolve);
        },
      );
      sent.on('continue', () => sent.end('body'));
      sent.on('error', reject);
      sent.flushHeaders();
    });
    expect(body).toBe('body');
  });

  it('serves HTTP/1.0 callers: no chunks, and a close at the end', async () => {
    const port = await inbound(
      httpApplication((_incoming, response) => {
        response.write('first,');
        response.end('second');
      }),
    );
    const { text, error } = await exchangeRaw(port, ['GET / HTTP/1.0\r\n\r\n']);
    expect(error).toBeUndefined();
    expect(text).toContain('connection: close\r\n');
    expect(text.toLowerCase()).not.toContain('transfer-encoding');
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe('first,second');
  });

  it('works over IPv6', async () => {
    application = await httpApplication((_incoming, response) => response.end('six'), '::1');
    sidecar = await sidecarBefore(application.port, { host: '::1' });
    const reply = await request(sidecar.inboundPort ?? 0, { host: '::1' });
    expect(reply.body).toBe('six');
    const out = await request(sidecar.outboundPort ?? 0, { host: '::1', headers: { host: 'service:80' } });
    expect(out.body).toBe('six');
  });
});

const LARGE_BYTES = 200 * 1024 * 1024;

/** Bytes that repeat with no power of two, so that a misplaced piece changes the sum. */
function pattern(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  for (let index = 0; index < bytes; index += 1) buffer[index] = (index * 31 + (index >>> 8)) & 255;
  return buffer;
}

const PIECE = pattern(999_983);

async function writeLarge(to: NodeJS.WritableStream, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  for (let sent = 0; sent < bytes; ) {
    const piece = PIECE.subarray(0, Math.min(PIECE.length, bytes - sent));
    hash.update(piece);
    sent += piece.length;
    if (!to.write(piece)) await new Promise((resolve) => to.once('drain', resolve));
  }
  to.end();
  return hash.digest('hex');
}

/** Reads with pauses of whole event-loop turns, so that the sender meets full buffers again and again. */
function readSlowly(from: http.IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    let reads = 0;
    from.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      reads += 1;
      if (reads % 16 !== 0) return;
      from.pause();
      setTimeout(() => from.resume(), 1);
    });
    from.on('end', () => resolve(hash.digest('hex')));
    from.on('error', reject);
  });
}

describe('large bodies to slow readers arrive whole', () => {
  for (const framing of ['content-length', 'chunked'] as const) {
    const head: http.OutgoingHttpHeaders =
      framing === 'chunked' ? {} : { 'content-length': String(LARGE_BYTES) };

    it(`downwards, ${framing}`, async () => {
      let expected = '';
      const port = await inbound(
        httpApplication((_incoming, response) => {
          response.writeHead(200, head);
          void writeLarge(response, LARGE_BYTES).then((sum) => {
            expected = sum;
          });
        }),
      );
      const sum = await new Promise<string>((resolve, reject) => {
        http
          .get({ port, host: '127.0.0.1', agent: false }, (response) => {
            readSlowly(response).then(resolve, reject);
          })
          .on('error', reject);
      });
      expect(sum).toBe(expected);
    });

    it(`upwards, ${framing}`, async () => {
      let received = '';
      const port = await inbound(
        httpApplication((incoming, response) => {
          void readSlowly(incoming).then((sum) => {
            received = sum;
            response.end('done');
          });
        }),
      );
      const expected = await new Promise<string>((resolve, reject) => {
        let sum = '';
        const sent = http.request(
          { port, host: '127.0.0.1', agent: false, method: 'PUT', headers: head },
          (response) => {
            response.resume();
            response.on('end', () => resolve(sum));
          },
        );
        sent.on('error', reject);
        void writeLarge(sent, LARGE_BYTES).then((digest) => {
          sum = digest;
        });
      });
      expect(received).toBe(expected);
    });
  }

  it('also when the caller reads nothing of the tail for longer than the linger time', async () => {
    let bytes = LARGE_BYTES;
    const port = await inbound(
      httpApplication((_incoming, response) => {
        response.writeHead(200, { 'content-length': String(bytes) });
        void writeLarge(response, bytes);
      }),
    );
    const ask = (): net.Socket => {
      const socket = net.connect(port, '127.0.0.1').on('error', () => undefined);
      socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      return socket;
    };
    // How much goes out when nobody reads; the last of it waits in the sidecar for the kernel to take it.
    const first = ask();
    let sentBytes = -1;
    while (counters()['responseBytes'] !== sentBytes || sentBytes === 0) {
      sentBytes = counters()['responseBytes'] ?? 0;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    first.destroy();
    await until(() => counters()['inFlight'] === 0);

    bytes = sentBytes - 8192;
    const socket = ask();
    await until(() => counters()['completed'] === 1);
    await new Promise((resolve) => setTimeout(resolve, FIXED_LIMITS.lingerMs * 2));
    let received = 0;
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    await new Promise((resolve) => socket.once('close', resolve));
    expect(received).toBeGreaterThan(bytes);
  });

  it('and pipelined requests after them stay whole too', async () => {
    const body = PIECE.subarray(0, 300_000);
    const port = await inbound(
      httpApplication((incoming, response) => {
        const hash = createHash('sha256');
        incoming.on('data', (chunk: Buffer) => hash.update(chunk));
        incoming.on('end', () => response.end(`<${hash.digest('hex')}>`));
      }),
    );
    const sum = createHash('sha256').update(body).digest('hex');
    const one = Buffer.concat([
      Buffer.from('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n'),
      body,
    ]);
    const { text } = await exchangeRaw(port, [one, one, one, one, one], (got) => occurrences(got, sum) === 5);
    expect(occurrences(text, `<${sum}>`)).toBe(5);
  });
});

describe('what breaks', () => {
  it('gives everything back when the caller goes in the middle of its body', async () => {
    let upstreamClosed = false;
    let seen = false;
    const port = await inbound(
      rawApplication((socket) => {
        socket.on('data', () => {
          seen = true;
        });
        socket.on('close', () => {
          upstreamClosed = true;
        });
      }),
    );
    const socket = net.connect(port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc');
    await until(() => seen);
    socket.destroy();
    await until(() => upstreamClosed && counters()['inFlight'] === 0);
    expect(counters()['callerGone']).toBe(1);
  });

  for (const [name, leave] of [
    ['ends', (socket: net.Socket) => socket.destroy()],
    ['resets', (socket: net.Socket) => socket.resetAndDestroy()],
  ] as const) {
    it(`gives everything back when the caller ${name} its connection while much is waiting to be written`, async () => {
      let upstreamClosed = false;
      const port = await inbound(
        httpApplication((_incoming, response) => {
          response.on('close', () => {
            upstreamClosed = true;
          });
          response.writeHead(200, { 'content-length': String(LARGE_BYTES) });
          void writeLarge(response, LARGE_BYTES);
        }),
      );
      const socket = net.connect(port, '127.0.0.1');
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      let bytesBefore = -1;
      // Nobody reads: when the count stands still for a while, all buffers on the way are full.
      while (counters()['responseBytes'] !== bytesBefore || bytesBefore === 0) {
        bytesBefore = counters()['responseBytes'] ?? 0;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      leave(socket);
      await until(() => upstreamClosed && counters()['inFlight'] === 0);
      expect(counters()['callerGone']).toBe(1);
    });
  }

  it('resets a caller that does not read when the upstream breaks off', async () => {
    let upstream: net.Socket | undefined;
    const port = await inbound(
      rawApplication((socket) => {
        upstream = socket;
        socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
          socket.write(Buffer.alloc(20_000_000));
        });
      }),
    );
    const socket = net.connect(port, '127.0.0.1').on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    let bytesBefore = -1;
    while (counters()['responseBytes'] !== bytesBefore || bytesBefore === 0) {
      bytesBefore = counters()['responseBytes'] ?? 0;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    upstream?.resetAndDestroy();
    socket.resume();
    await until(() => counters()['upstreamBroken'] === 1 && side()['connections'] === 0);
    socket.destroy();
  });

  for (const [name, head] of [
    ['content-length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc'],
    ['chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc'],
  ] as const) {
    it(`shows the caller a broken ${name} body when the upstream breaks off`, async () => {
      const port = await inbound(rawApplication((socket) => socket.once('data', () => socket.end(head))));
      await expect(request(port)).rejects.toThrow();
      expect(counters()['upstreamBroken']).toBe(1);
    });
  }

  it('resets a body until close when the upstream resets, and ends it cleanly when that ends', async () => {
    let reset = true;
    const port = await inbound(
      rawApplication((socket) =>
        socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\nabc', () => {
            if (reset) setImmediate(() => socket.resetAndDestroy());
            else socket.end();
          });
        }),
      ),
    );
    expect((await exchangeRaw(port, ['GET / HTTP/1.1\r\nHost: a\r\n\r\n'])).error).toBe('ECONNRESET');
    reset = false;
    const whole = await exchangeRaw(port, ['GET / HTTP/1.1\r\nHost: a\r\n\r\n']);
    expect(whole.error).toBeUndefined();
    expect(whole.text.endsWith('abc')).toBe(true);
  });

  it('answers 502 when the upstream closes without a word, and when it talks nonsense', async () => {
    let said = '';
    const port = await inbound(rawApplication((socket) => socket.once('data', () => socket.end(said))));
    const silent = await request(port);
    expect([silent.status, silent.headers['x-priomesh-error']]).toEqual([502, 'UPSTREAM_RESET']);
    said = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n';
    const nonsense = await request(port);
    expect([nonsense.status, nonsense.headers['x-priomesh-error']]).toEqual([502, 'UPSTREAM_MALFORMED']);
  });

  it('answers 502 when nobody listens', async () => {
    application = await rawApplication(() => undefined);
    const { port } = application;
    await application.close();
    application = undefined;
    sidecar = await sidecarBefore(port);
    const reply = await request(sidecar.inboundPort ?? 0);
    expect([reply.status, reply.headers['x-priomesh-error']]).toEqual([502, 'CONNECT_FAILED']);
  });

  it('tries another endpoint when one refuses', async () => {
    const dead = await rawApplication(() => undefined);
    await dead.close();
    application = await httpApplication((_incoming, response) => response.end('alive'));
    sidecar = await sidecarBefore(application.port, {
      endpoints: [
        { host: '127.0.0.1', port: dead.port },
        { host: '127.0.0.1', port: application.port },
      ],
    });
    for (let round = 0; round < 10; round += 1) {
      const reply = await request(sidecar.outboundPort ?? 0, {
        method: 'POST',
        headers: { host: 'service' },
        body: 'x',
      });
      expect(reply.body).toBe('alive');
    }
  });

  it('sends an idempotent request again when a pooled connection was stale, and no other', async () => {
    const served = new Map<net.Socket, number>();
    const port = await inbound(
      rawApplication((socket) => {
        socket.on('data', () => {
          const count = (served.get(socket) ?? 0) + 1;
          served.set(socket, count);
          if (count === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
          else socket.destroy();
        });
      }),
    );
    expect((await request(port)).status).toBe(200);
    expect((await request(port)).status).toBe(200);
    expect(counters()['retries']).toBe(1);
    expect((await request(port, { method: 'POST', body: 'x' })).status).toBe(502);
    expect(counters()['retries']).toBe(1);
  });

  it('times out a silent upstream with 504, and a slow head with 408', async () => {
    const port = await inbound(
      rawApplication(() => undefined),
      {
        limits: { responseTimeoutMs: 100, headTimeoutMs: 100 },
      },
    );
    const silent = await request(port);
    expect([silent.status, silent.headers['x-priomesh-error']]).toEqual([504, 'REQUEST_TIMEOUT']);
    const slow = await exchangeRaw(port, ['GET / HT']);
    expect(slow.text).toContain('HTTP/1.1 408 ');
  });

  it('turns connections away beyond the limit', async () => {
    const port = await inbound(
      httpApplication((_incoming, response) => response.end('ok')),
      {
        limits: { maxConnections: 1 },
      },
    );
    const held = net.connect(port, '127.0.0.1');
    await new Promise((resolve) => held.once('connect', resolve));
    await until(() => side()['connections'] === 1);
    const { text } = await exchangeRaw(port, []);
    expect(text).toContain('x-priomesh-error: TOO_MANY_CONNECTIONS');
    held.destroy();
  });

  it('holds a bounded number of connections that it turns away', async () => {
    const port = await inbound(
      httpApplication((_incoming, response) => response.end('ok')),
      { limits: { maxConnections: 1 } },
    );
    const most = 1 + FIXED_LIMITS.turnedAwayConnections;
    const many = Array.from({ length: most + 20 }, () =>
      net.connect({ host: '127.0.0.1', port, allowHalfOpen: true }),
    );
    for (const socket of many) socket.on('error', () => undefined).resume();
    let highest = 0;
    await until(() => {
      highest = Math.max(highest, Number(side()['connections']));
      return side()['connectionsAccepted'] === many.length;
    });
    expect(highest).toBeGreaterThan(1);
    expect(highest).toBeLessThanOrEqual(most);
    for (const socket of many) socket.destroy();
  });

  it('lets a running request end when it is closed, and takes no new one', async () => {
    let finish: (() => void) | undefined;
    const port = await inbound(
      httpApplication((_incoming, response) => {
        finish = () => response.end('finished');
      }),
    );
    const running = request(port);
    await until(() => finish !== undefined);
    const closed = sidecar?.close();
    finish?.();
    expect((await running).body).toBe('finished');
    await closed;
    await expect(request(port)).rejects.toThrow('ECONNREFUSED');
  });

  it('lets a running request call others while it is closed', async () => {
    let goOn: (() => void) | undefined;
    const outbound = { port: 0 };
    const port = await inbound(
      httpApplication((incoming, response) => {
        if (incoming.url === '/inner') response.end('inner');
        else {
          goOn = () => {
            request(outbound.port, { path: '/inner', headers: { host: 'service' } }).then(
              ({ body }) => response.end(`called ${body}`),
              (error: unknown) => response.end(String(error)),
            );
          };
        }
      }),
    );
    outbound.port = sidecar?.outboundPort ?? 0;
    const running = request(port);
    await until(() => goOn !== undefined);
    const closed = sidecar?.close();
    goOn?.();
    expect((await running).body).toBe('called inner');
    await closed;
    await expect(request(outbound.port)).rejects.toThrow('ECONNREFUSED');
  });
});
