import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { abortError, type Clock, messageOf } from '../core/index.ts';
import { filler } from './filler.ts';
import type { PlannedCall, RouteMatch, RouteTable } from './route-table.ts';
import { tracingHeaders } from './tracing-headers.ts';
import { CallFailure, type CallReply, type UpstreamClient } from './upstream-client.ts';
import type { WorkerPool } from './worker-pool.ts';

/** What became of requests, by outcome. */
export interface HandlerCounters {
  answered: number;
  /** Answered 502, or cut short, because a call failed. */
  failed: number;
  /** Given up by the client. */
  abandoned: number;
}

/** What answers requests. */
export interface HandlerParts {
  readonly routes: RouteTable;
  readonly workers: WorkerPool;
  readonly upstreams: UpstreamClient;
  readonly clock: Clock;
  readonly counters: HandlerCounters;
}

/** Where calls are made for one request. */
interface Caller {
  readonly upstreams: UpstreamClient;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Makes the handler of a service. A request finds its route, waits for a worker, holds it while it computes, makes its calls and
 * answers, and gives it back when the response has been handed to the kernel or the client is gone.
 */
export function requestHandler(parts: HandlerParts): RequestListener {
  const { routes, workers, clock, counters } = parts;
  return async (request, response) => {
    request.resume();
    const target = request.url ?? '';
    if (target === '/healthz') return answer(response, 200, 'ok\n');
    const match = routes(request.method ?? '', target);
    if (match === 404) return answer(response, 404, 'no such route\n');
    if (match === 405) return answer(response, 405, 'the route has another method\n');

    const work = new AbortController();
    const over = new Promise<void>((resolve) => {
      response.once('finish', resolve);
      response.once('close', () => {
        work.abort();
        resolve();
      });
    });
    try {
      const worker = await workers.acquire(work.signal);
      if (worker === undefined) return answer(response, 503, 'too many requests wait for a worker\n');
      try {
        await compute(match.route.computeMs, clock, work.signal);
        await respond(match, response, {
          upstreams: parts.upstreams,
          headers: tracingHeaders(request.headers),
          signal: work.signal,
        });
        response.end();
        await over;
        counters[response.writableFinished ? 'answered' : 'abandoned'] += 1;
      } finally {
        worker.release();
      }
    } catch (error) {
      if (work.signal.aborted) {
        counters.abandoned += 1;
        return;
      }
      counters.failed += 1;
      work.abort();
      const status = error instanceof CallFailure ? 502 : 500;
      if (response.headersSent) response.destroy();
      else answer(response, status, `${messageOf(error)}\n`);
    }
  };
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** Holds for at least this long; timers may fire up to a millisecond early. */
async function compute(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const untilMs = clock.nowMs() + ms;
  for (let leftMs = ms; leftMs > 0; leftMs = untilMs - clock.nowMs()) {
    await clock.sleep(Math.max(1, Math.round(leftMs)), signal);
  }
}

/** Makes the calls and streams the body: relayed bodies in the order of the calls, then the service's own bytes. */
async function respond(match: RouteMatch, response: ServerResponse, caller: Caller): Promise<void> {
  const { route, calls } = match;
  const ownBytes = route.responseBytes;
  if (route.parallel) {
    const replies = await Promise.all(calls.map((call) => makeCall(call, caller)));
    const relayed = replies.filter((reply) => reply !== undefined);
    writeHead(response, total(ownBytes, relayed));
    for (const reply of relayed) await relay(reply, response, caller.signal);
  } else {
    for (const [position, call] of calls.entries()) {
      const reply = await makeCall(call, caller);
      if (reply === undefined) continue;
      if (!response.headersSent) {
        const isLast = !calls.slice(position + 1).some((later) => later.relay);
        writeHead(response, isLast ? total(ownBytes, [reply]) : undefined);
      }
      await relay(reply, response, caller.signal);
    }
    if (!response.headersSent) writeHead(response, ownBytes);
  }
  for (const piece of filler(ownBytes)) await write(response, piece, caller.signal);
}

/** Makes one call; a body that is not relayed is read to its end and dropped. */
async function makeCall(call: PlannedCall, caller: Caller): Promise<CallReply | undefined> {
  const reply = await caller.upstreams.call(call, caller.headers, caller.signal);
  if (call.relay) return reply;
  await drop(reply.body, call.service);
  return undefined;
}

async function drop(body: IncomingMessage, service: string): Promise<void> {
  body.resume();
  try {
    await once(body, 'end');
  } catch (error) {
    throw new CallFailure(`${service}: ${messageOf(error)}`);
  }
}

async function relay(reply: CallReply, response: ServerResponse, signal: AbortSignal): Promise<void> {
  try {
    for await (const piece of reply.body) await write(response, piece, signal);
  } catch (error) {
    throw new CallFailure(messageOf(error));
  }
}

function total(ownBytes: number, relayed: readonly CallReply[]): number | undefined {
  let bytes = ownBytes;
  for (const reply of relayed) {
    if (reply.bodyBytes === undefined) return undefined;
    bytes += reply.bodyBytes;
  }
  return bytes;
}

function writeHead(response: ServerResponse, bytes: number | undefined): void {
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    ...(bytes === undefined ? {} : { 'content-length': bytes }),
  });
}

async function write(response: ServerResponse, piece: Uint8Array, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw abortError(signal);
  if (!response.write(piece)) await once(response, 'drain', { signal });
}
