import http2 from 'node:http2';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import type { ClassCounters } from '../../../../src/sidecar/statistics/index.ts';
import type { TestServer } from '../harness.ts';

/** An application of node:http2 on loopback. */
export function http2Application(
  handler: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void,
  options: http2.ServerOptions = {},
  host = '127.0.0.1',
): Promise<TestServer & { readonly sessions: Set<http2.ServerHttp2Session> }> {
  const server = http2.createServer(options);
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined).on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    stream.on('error', () => undefined);
    handler(stream, headers);
  });
  return new Promise((resolve) => {
    server.listen(0, host, () => {
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address !== null ? address.port : 0,
        sessions,
        close: () =>
          new Promise<void>((done) => {
            server.close(() => done());
            for (const session of sessions) session.destroy();
          }),
      });
    });
  });
}

/** What a client of HTTP/2 saw. */
export interface Http2Reply {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly interims: readonly number[];
}

/** Collects the response of a stream. Rejects when it breaks off. */
export function replyOf(stream: http2.ClientHttp2Stream): Promise<Http2Reply> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const interims: number[] = [];
    let headers: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on('headers', (given) => interims.push(Number(given[':status'])));
    stream.on('response', (given) => {
      headers = given;
    });
    stream.on('trailers', (given) => {
      trailers = given;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => {
      if (stream.rstCode !== 0 && headers[':status'] === undefined) {
        reject(new Error(`reset with ${stream.rstCode}`));
        return;
      }
      resolve({
        status: Number(headers[':status']),
        headers,
        body: Buffer.concat(chunks),
        trailers,
        interims,
      });
    });
  });
}

/** Sends one request on a session and collects the response. */
export function ask(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body?: Buffer | string,
): Promise<Http2Reply> {
  const stream = session.request(headers, { endStream: body === undefined });
  const reply = replyOf(stream);
  if (body !== undefined) stream.end(body);
  return reply;
}

/** One side of the statistics. */
export function sideOf(
  sidecar: Sidecar,
  name = 'inbound',
): Readonly<Record<string, Record<string, unknown>>> {
  return sidecar.statistics()[name] as Readonly<Record<string, Record<string, unknown>>>;
}

/** What was counted for a class. */
export function classOf(sidecar: Sidecar, name = 'interactive', side = 'inbound'): ClassCounters {
  const classes = sideOf(sidecar, side)['classes'] as unknown as Record<string, ClassCounters>;
  const found = classes[name];
  if (found === undefined) throw new Error(`no class ${name}`);
  return found;
}
