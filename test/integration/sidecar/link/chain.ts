import { createHash } from 'node:crypto';
import type http from 'node:http';
import net from 'node:net';
import type { SidecarConfig } from '../../../../src/config/index.ts';
import { seededRandom } from '../../../../src/core/index.ts';
import { type Sidecar, startSidecar } from '../../../../src/sidecar/index.ts';
import { httpApplication, type TestServer, testPolicy } from '../harness.ts';

const LOOPBACK = '127.0.0.1';

/** Bytes in which each position tells itself from others. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32BE((at * 2_654_435_761) >>> 0, at);
  for (let at = length - (length % 4); at < length; at += 1) bytes[at] = at;
  return bytes;
}

/** A short name for bytes. */
export function digest(bytes: Buffer): string {
  return `${bytes.length}:${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`;
}

/** The ways in which the application answers; the path names one and a size. */
const ANSWERS: Readonly<
  Record<string, (size: number, request: http.IncomingMessage, response: http.ServerResponse) => void>
> = {
  length: (size, _request, response) => {
    response.writeHead(200, { 'content-length': size }).end(pattern(size));
  },
  chunked: (size, _request, response) => {
    const body = pattern(size);
    for (let at = 0; at < size; at += 10_000) response.write(body.subarray(at, at + 10_000));
    response.end();
  },
  'until-close': (size, _request, response) => {
    response.socket?.end(
      Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'), pattern(size)]),
    );
  },
  status: (status, _request, response) => {
    response.writeHead(status).end();
  },
  'echo-stream': (_size, request, response) => {
    request.pipe(response);
  },
  'echo-digest': (_size, request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => response.end(digest(Buffer.concat(pieces))));
  },
  /** Answers at once, and never reads the body. */
  early: (_size, _request, response) => {
    response.writeHead(413, { 'content-length': 3 }).end('no!');
  },
  hints: (_size, _request, response) => {
    response.writeEarlyHints({ link: '</a>; rel=preload' });
    response.writeHead(200, { 'content-length': 2 }).end('ok');
  },
  /** Breaks off behind a part of the body. */
  broken: (size, _request, response) => {
    response.writeHead(200, { 'content-length': size + 1000 });
    response.write(pattern(size), () => response.socket?.destroy());
  },
  nonsense: (_size, _request, response) => {
    response.socket?.end('HTTP/1.1 twohundred OK\r\n\r\n');
  },
};

/** What the application has seen. */
export interface Seen {
  /** Requests whose caller was gone before they were over. */
  aborted: number;
}

/** A caller's sidecar, a called one, and an application behind it. */
export interface Chain {
  readonly port: number;
  readonly caller: Sidecar;
  readonly called: Sidecar;
  readonly seen: Seen;
  close(): Promise<void>;
}

/** What a test may change about its chain. */
export interface ChainOptions {
  readonly link: 'auto' | 'off';
  readonly links?: boolean;
  readonly ingress?: boolean;
  readonly limits?: SidecarConfig['limits'];
  readonly layers?: SidecarConfig['layers'];
  readonly calledPort?: number;
  readonly application?: TestServer;
}

/** Starts an application that knows the answers above. */
export function startApplication(seen: Seen): Promise<TestServer> {
  return httpApplication((request, response) => {
    response.sendDate = false;
    request.on('aborted', () => {
      seen.aborted += 1;
    });
    const [, kind = '', size = '0'] = (request.url ?? '').split('/');
    ANSWERS[kind]?.(Number(size), request, response);
  });
}

/** The called end of a chain. */
export function startCalled(application: number, options: ChainOptions): Promise<Sidecar> {
  return startSidecar(
    {
      service: 'called',
      policy: testPolicy(),
      layers: options.layers ?? ['queue'],
      baselineCongestionControl: '',
      inbound: {
        listen: { host: LOOPBACK, port: options.calledPort ?? 0 },
        application: { host: LOOPBACK, port: application },
        ingress: options.ingress ?? false,
        ...(options.links === undefined ? {} : { links: options.links }),
      },
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    },
    { random: seededRandom(1) },
  );
}

/** The calling end of a chain. */
export function startCaller(endpoints: readonly number[], options: ChainOptions): Promise<Sidecar> {
  return startSidecar(
    {
      service: 'caller',
      policy: testPolicy(),
      layers: options.layers ?? ['queue'],
      baselineCongestionControl: '',
      outbound: {
        listen: { host: LOOPBACK, port: 0 },
        upstreams: {
          service: { endpoints: endpoints.map((port) => ({ host: LOOPBACK, port })), link: options.link },
        },
      },
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    },
    { random: seededRandom(2) },
  );
}

export async function startChain(options: ChainOptions): Promise<Chain> {
  const seen: Seen = { aborted: 0 };
  const application = options.application ?? (await startApplication(seen));
  const called = await startCalled(application.port, options);
  const caller = await startCaller([called.inboundPort ?? 0], options);
  return {
    port: caller.outboundPort ?? 0,
    caller,
    called,
    seen,
    close: async () => {
      await caller.close();
      await called.close();
      await application.close();
    },
  };
}

/** The numbers of the links of a sidecar that opens some. */
export function linkNumbers(sidecar: Sidecar, section: 'links' | 'acceptedLinks' = 'links') {
  return sidecar.statistics()[section] as
    | {
        readonly links: number;
        readonly streams: number;
        readonly linksOpened: number;
        readonly linksLost: number;
        readonly streamsOpened: number;
        readonly plainPeers: number;
        readonly failedAttempts: number;
        readonly faults: Readonly<Record<string, number>>;
      }
    | undefined;
}

/** Asks again and again until it is so. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Makes sure that requests of this class go over a link from now on. */
export async function linked(chain: Chain, path = '/length/1'): Promise<void> {
  await until(async () => {
    await get(chain.port, path);
    return (linkNumbers(chain.caller)?.streams ?? 0) > 0;
  });
}

/** One request whose whole answer is kept as it came; a connection of its own. */
export async function get(port: number, path: string): Promise<Buffer> {
  const { received } = await talk(port, [
    Buffer.from(`GET ${path} HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n`),
  ]);
  return received;
}

/** How a client behaves. */
export interface TalkOptions {
  /** Reads so much, then waits for a turn of the loop. */
  readonly slowBytes?: number;
  /** Half-closes behind what it sends. */
  readonly halfClose?: boolean;
  /** Resets the connection when so much has come. */
  readonly resetAfterBytes?: number;
}

/** Everything that came on a connection, and how it ended. */
export interface Talk {
  readonly received: Buffer;
  readonly end: 'end' | 'reset';
}

/** Sends pieces over a connection of its own, and keeps what comes until it is closed. */
export function talk(port: number, pieces: readonly Buffer[], options: TalkOptions = {}): Promise<Talk> {
  return new Promise((resolve) => {
    const received: Buffer[] = [];
    let count = 0;
    let ended = false;
    const socket = net.connect({ port, host: LOOPBACK, allowHalfOpen: true });
    socket.on('data', (bytes: Buffer) => {
      received.push(bytes);
      count += bytes.length;
      if (options.resetAfterBytes !== undefined && count >= options.resetAfterBytes) socket.resetAndDestroy();
      if (options.slowBytes !== undefined && count % (2 * options.slowBytes) < options.slowBytes) {
        socket.pause();
        setImmediate(() => socket.resume());
      }
    });
    socket.on('end', () => {
      ended = true;
      socket.end();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve({ received: Buffer.concat(received), end: ended ? 'end' : 'reset' }));
    for (const piece of pieces) socket.write(piece);
    if (options.halfClose === true) socket.end();
  });
}
