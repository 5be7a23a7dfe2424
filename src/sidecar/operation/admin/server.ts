import http from 'node:http';
import { isIP } from 'node:net';
import { hostAddress, listenAtPath, messageOf, PriomeshError } from '../../../core/index.ts';
import { measureEventLoopDelay } from '../event-loop-delay.ts';
import type { Operated } from '../index.ts';
import { ownVersion } from '../version.ts';
import { type AdminContext, type Answer, ROUTES } from './routes.ts';

/** Bounds of the admin API. */
const LIMITS = {
  headBytes: 8192,
  bodyBytes: 4096,
  connections: 32,
  requestTimeoutMs: 10_000,
  keepAliveMs: 5000,
} as const;

/** The admin API, open. */
export interface AdminServer {
  /** Undefined on a Unix socket. */
  readonly port: number | undefined;
  close(): Promise<void>;
}

/** Where it listens: one of the two, a loopback address or the path of a socket. */
interface AdminAddress {
  readonly listen?: { readonly host: string; readonly port: number };
  readonly socket?: string;
}

const refusal = (status: number, error: string, message: string): Answer => ({
  status,
  body: { error, message },
});

/** Whether the value of Host names this machine: a page in a browser can make a name of its own lead here (DNS rebinding), but not one of these. */
function namesLoopback(host: string | undefined): boolean {
  const name = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:]*))(?::\d{1,5})?$/.exec(host ?? '');
  const literal = name?.[1] ?? name?.[2] ?? '';
  if (literal.toLowerCase() === 'localhost') return true;
  const address = hostAddress(literal);
  return isIP(literal) !== 0 && (address === '::1' || address.startsWith('127.'));
}

/** The body, or undefined where it is longer than any that is asked for. */
async function bodyOf(request: http.IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LIMITS.bodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function answerTo(
  request: http.IncomingMessage,
  context: AdminContext,
  overTcp: boolean,
): Promise<Answer> {
  const { method = '', url = '', headers } = request;
  if (overTcp && !namesLoopback(headers.host)) {
    return refusal(421, 'HOST_REFUSED', 'Host must be a loopback address or localhost');
  }
  // A browser names where a request comes from; no page has any business here.
  if (headers.origin !== undefined || (headers['sec-fetch-site'] ?? 'none') !== 'none') {
    return refusal(403, 'ORIGIN_REFUSED', 'requests of web pages are not answered');
  }
  const methods = ROUTES[url.split('?', 1)[0] ?? ''];
  if (methods === undefined) return refusal(404, 'NOT_FOUND', 'GET / lists what there is');
  const route = methods[method === 'HEAD' ? 'GET' : method];
  if (route === undefined) {
    return refusal(405, 'METHOD_NOT_ALLOWED', `use ${Object.keys(methods).join(' or ')}`);
  }
  const body = await bodyOf(request);
  if (body === undefined) return refusal(413, 'BODY_TOO_LARGE', `at most ${LIMITS.bodyBytes} bytes`);
  return route.answer(context, body);
}

function send(response: http.ServerResponse, { status, body, type }: Answer): void {
  const text = typeof body === 'string' ? body : `${JSON.stringify(body, null, 2)}\n`;
  const bytes = Buffer.from(text);
  response.writeHead(status, {
    'content-type': type ?? 'application/json; charset=utf-8',
    'content-length': bytes.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 413 ? { connection: 'close' } : {}),
  });
  response.end(bytes);
}

/** Opens the admin API. @throws PriomeshError LISTEN_FAILED */
export async function openAdmin(address: AdminAddress, operated: Operated): Promise<AdminServer> {
  const { clock } = operated.opened.runtime;
  const context: AdminContext = {
    operated,
    version: ownVersion(),
    lag: measureEventLoopDelay(),
    startedMs: clock.nowMs(),
  };
  const overTcp = address.socket === undefined;
  const server = http.createServer(
    {
      maxHeaderSize: LIMITS.headBytes,
      requestTimeout: LIMITS.requestTimeoutMs,
      headersTimeout: LIMITS.requestTimeoutMs,
      keepAliveTimeout: LIMITS.keepAliveMs,
    },
    (request, response) => {
      answerTo(request, context, overTcp)
        .catch((error: unknown) => refusal(500, 'INTERNAL', messageOf(error)))
        .then((answer) => send(response, answer));
    },
  );
  server.maxConnections = LIMITS.connections;
  try {
    await listenAt(server, address);
  } catch (error) {
    context.lag.disable();
    throw error;
  }
  // Accepting can fail for want of descriptors; the API goes on.
  server.on('error', () => undefined);
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : undefined,
    close: async () => {
      context.lag.disable();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listenAt(server: http.Server, { listen, socket }: AdminAddress): Promise<void> {
  if (socket !== undefined) {
    await listenAtPath(server, socket, 'admin');
    return;
  }
  const { host = '127.0.0.1', port = 0 } = listen ?? {};
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new PriomeshError('LISTEN_FAILED', `admin: ${host} port ${port}: ${messageOf(error)}`, {
          cause: error,
        }),
      );
    });
    server.listen({ host, port, exclusive: true }, resolve);
  });
}
