import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http2 from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import { rawApplication, sidecarBefore, type TestServer, until } from '../harness.ts';
import { ask, classOf, http2Application, replyOf } from './harness.ts';

let sidecar: Sidecar | undefined;
let application: TestServer | undefined;
const sessions: http2.ClientHttp2Session[] = [];

afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  await application?.close();
  await sidecar?.close();
  sidecar = undefined;
  application = undefined;
});

type Handler = Parameters<typeof http2Application>[0];

async function serve(handler: Handler, options = {}, settings = {}): Promise<http2.ClientHttp2Session> {
  const server = await http2Application(handler, settings);
  application = server;
  sidecar = await sidecarBefore(server.port, options);
  return connect(sidecar.inboundPort ?? 0);
}

function connect(port: number, options: http2.ClientSessionOptions = {}): http2.ClientHttp2Session {
  const session = http2.connect(`http://127.0.0.1:${port}`, options);
  session.on('error', () => undefined);
  sessions.push(session);
  return session;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('requests of HTTP/2', () => {
  it('pass with method, path, fields, body and trailers, and the response back', async () => {
    const session = await serve((stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        stream.respond(
          { ':status': 201, 'x-seen': `${headers[':method']} ${headers[':path']} ${headers['x-own']}` },
          { waitForTrailers: true },
        );
        stream.on('wantTrailers', () =>
          stream.sendTrailers({ 'x-sum': String(Buffer.concat(chunks).length) }),
        );
        stream.end(Buffer.concat(chunks).toString().toUpperCase());
      });
    });
    const reply = await ask(session, { ':method': 'POST', ':path': '/a?b=c', 'x-own': 'yes' }, 'hello');
    expect(reply.status).toBe(201);
    expect(reply.headers['x-seen']).toBe('POST /a?b=c yes');
    expect(reply.body.toString()).toBe('HELLO');
    expect(reply.trailers['x-sum']).toBe('5');
  });

  it('carry the class and a trace to the application', async () => {
    const seen: http2.IncomingHttpHeaders[] = [];
    const session = await serve((stream, headers) => {
      seen.push(headers);
      stream.respond({ ':status': 200 }, { endStream: true });
    });
    await ask(session, { ':path': '/batch/x' });
    await ask(session, { ':path': '/x', tracestate: 'priomesh=c:batch' });
    expect(seen[0]?.['tracestate']).toContain('priomesh=c:batch');
    expect(seen[1]?.['tracestate']).not.toContain('batch');
    expect(seen[0]?.['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
    expect(classOf(sidecar as Sidecar, 'batch').completed).toBe(1);
    expect(classOf(sidecar as Sidecar, 'interactive').completed).toBe(1);
  });

  it('share one connection to the application, many at once', async () => {
    const session = await serve((stream, headers) => {
      stream.respond({ ':status': 200 });
      stream.end(String(headers[':path']));
    });
    const replies = await Promise.all(
      Array.from({ length: 200 }, (_, index) => ask(session, { ':path': `/${index}` })),
    );
    expect(replies.map(({ body }) => body.toString())).toEqual(replies.map((_, index) => `/${index}`));
    expect((application as unknown as { sessions: Set<unknown> }).sessions.size).toBe(1);
  });

  it('carry large bodies both ways without loss, and no more of them at once than the windows allow', async () => {
    const session = await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const body = randomBytes(4_000_000);
    const replies = await Promise.all([
      ask(session, { ':method': 'POST' }, body),
      ask(session, { ':method': 'POST' }, body),
    ]);
    for (const reply of replies) expect(digest(reply.body)).toBe(digest(body));
  });

  it('hold back a sender whose receiver does not read', async () => {
    let written = 0;
    const session = await serve((stream) => {
      stream.respond({ ':status': 200 });
      const chunk = Buffer.alloc(65_536);
      const push = (): void => {
        while (written < 64_000_000) {
          written += chunk.length;
          if (!stream.write(chunk)) return void stream.once('drain', push);
        }
        stream.end();
      };
      push();
    });
    const slow = session.request({ ':path': '/' });
    await once(slow, 'response');
    // A second one gets through although the first is stuck.
    const soFar = written;
    await new Promise((resolve) => setImmediate(resolve));
    expect(soFar).toBeLessThan(16_000_000);
    slow.close(http2.constants.NGHTTP2_CANCEL);
    await until(() => classOf(sidecar as Sidecar).callerGone === 1);
  });

  it('pass HEAD, 204, 304 and interim responses', async () => {
    const session = await serve((stream, headers) => {
      if (headers[':path'] === '/hints')
        stream.additionalHeaders({ ':status': 103, link: '</a>; rel=preload' });
      if (headers[':method'] === 'HEAD')
        stream.respond({ ':status': 200, 'content-length': '50' }, { endStream: true });
      else if (headers[':path'] === '/204') stream.respond({ ':status': 204 }, { endStream: true });
      else stream.end('x');
    });
    expect((await ask(session, { ':method': 'HEAD' })).headers['content-length']).toBe('50');
    expect((await ask(session, { ':path': '/204' })).status).toBe(204);
    expect((await ask(session, { ':path': '/hints' })).interims).toEqual([103]);
  });

  it('stream both ways at the same time', async () => {
    const session = await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.on('data', (chunk: Buffer) => stream.write(`${chunk.toString()}!`));
      stream.on('end', () => stream.end());
    });
    const stream = session.request({ ':method': 'POST' });
    for (const word of ['one', 'two', 'three']) {
      stream.write(word);
      const [chunk] = (await once(stream, 'data')) as [Buffer];
      expect(chunk.toString()).toBe(`${word}!`);
    }
    stream.end();
    await once(stream, 'close');
    expect(stream.rstCode).toBe(0);
  });

  it('pass heads that need CONTINUATION', async () => {
    const session = await serve((stream, headers) => {
      stream.respond({ ':status': 200, 'x-back': String(headers['x-large']) });
      stream.end();
    });
    const large = 'v'.repeat(20_000);
    expect((await ask(session, { 'x-large': large })).headers['x-back']).toBe(large);
  });
});

describe('what ends early', () => {
  it('passes a cancellation on to the application', async () => {
    const codes: number[] = [];
    const session = await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('x');
      stream.on('close', () => codes.push(stream.rstCode));
    });
    const stream = session.request({ ':path': '/' });
    await once(stream, 'data');
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await until(() => codes.length > 0);
    expect(codes).toEqual([http2.constants.NGHTTP2_CANCEL]);
    expect(classOf(sidecar as Sidecar).callerGone).toBe(1);
    expect(classOf(sidecar as Sidecar).inFlight).toBe(0);
  });

  it('passes a reset of the application on to the caller', async () => {
    const session = await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('x', () => stream.destroy(new Error('broken')));
    });
    const stream = session.request({ ':path': '/' });
    stream.on('error', () => undefined).resume();
    await new Promise((resolve) => stream.on('close', resolve));
    expect(stream.rstCode).toBe(http2.constants.NGHTTP2_INTERNAL_ERROR);
    expect(classOf(sidecar as Sidecar).upstreamBroken).toBe(1);
  });

  it('sends a request again that the application refused to look at', async () => {
    let count = 0;
    const session = await serve((stream) => {
      count += 1;
      if (count === 1) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      else stream.pipe(stream);
    });
    const reply = await ask(session, { ':method': 'POST' }, 'again');
    expect(reply.body.toString()).toBe('again');
    expect(classOf(sidecar as Sidecar).retries).toBe(1);
  });

  it('goes on on a new connection when the application says GOAWAY', async () => {
    const seen = new Set<unknown>();
    const session = await serve((stream) => {
      seen.add(stream.session);
      stream.respond({ ':status': 200 });
      stream.end('x');
    });
    await ask(session, { ':path': '/' });
    for (const own of (application as unknown as { sessions: Set<http2.ServerHttp2Session> }).sessions)
      own.close();
    await until(() => (application as unknown as { sessions: Set<unknown> }).sessions.size === 0);
    expect((await ask(session, { ':path': '/' })).status).toBe(200);
    expect(seen.size).toBe(2);
  });

  it('answers 502 when nobody listens, and when the application speaks no HTTP/2', async () => {
    application = await rawApplication((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    sidecar = await sidecarBefore(application.port);
    const session = connect(sidecar.inboundPort ?? 0);
    expect((await ask(session, { ':path': '/' })).status).toBe(502);
    await application.close();
    expect((await ask(session, { ':path': '/' })).headers['x-priomesh-error']).toBe('CONNECT_FAILED');
  });

  it('answers 400 when content-length and the body differ, and goes on with other streams', async () => {
    const session = await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.resume().on('end', () => stream.end());
    });
    expect((await ask(session, { ':method': 'POST', 'content-length': '9' }, 'short')).status).toBe(400);
    expect((await ask(session, { ':path': '/' })).status).toBe(200);
  });

  it('ends what is under way and takes no more when it drains', async () => {
    let finish = (): void => undefined;
    const session = await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('a');
      finish = () => stream.end('b');
    });
    const stream = session.request({ ':path': '/' });
    const reply = replyOf(stream);
    await once(stream, 'response');
    const goaway = once(session, 'goaway');
    const closed = sidecar?.close();
    await goaway;
    finish();
    expect((await reply).body.toString()).toBe('ab');
    await closed;
    sidecar = undefined;
  });
});

describe('calls of HTTP/2', () => {
  it('go out by the name in :authority and keep their class', async () => {
    const seen: http2.IncomingHttpHeaders[] = [];
    await serve((stream, headers) => {
      seen.push(headers);
      stream.respond({ ':status': 200 }, { endStream: true });
    });
    const session = connect(sidecar?.outboundPort ?? 0);
    const own = {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'priomesh=c:batch',
    };
    expect((await ask(session, { ':authority': 'service:80', ...own })).status).toBe(200);
    expect((await ask(session, { ':authority': 'other' })).status).toBe(404);
    expect(seen[0]?.['traceparent']).toBe(own.traceparent);
    expect(classOf(sidecar as Sidecar, 'batch', 'outbound').completed).toBe(1);
  });
});
