import { once } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import { abortError, type Clock, messageOf } from '../core/index.ts';
import { CallFailure, type Calls } from './calls.ts';
import { queueTiming } from './queue-timing.ts';
import { type AnswerHead, type AnswerSink, answerRoute } from './route-answer.ts';
import type { RouteTable } from './route-table.ts';
import { tracingHeaders } from './tracing-headers.ts';
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
  readonly calls: Calls;
  readonly clock: Clock;
  readonly counters: HandlerCounters;
}

/**
 * Makes the handler of a service. A request finds its route, waits for a worker, holds it while it computes, makes its calls and
 * answers, and gives it back when the response has been handed to the kernel or the client is gone.
 */
export function requestHandler(parts: HandlerParts): RequestListener {
  const { routes, workers, clock, calls, counters } = parts;
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
        const headers = tracingHeaders(request.headers);
        await answerRoute(match, sinkOf(response), { calls, clock, headers, signal: work.signal });
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

function sinkOf(response: ServerResponse): AnswerSink {
  return {
    start({ bodyBytes, queueWaitMs }: AnswerHead) {
      response.writeHead(200, {
        'content-type': 'application/octet-stream',
        ...(bodyBytes === undefined ? {} : { 'content-length': bodyBytes }),
        ...(queueWaitMs === undefined ? {} : { 'server-timing': queueTiming(queueWaitMs) }),
      });
    },
    async write(piece, signal) {
      if (signal.aborted) throw abortError(signal);
      if (!response.write(piece)) await once(response, 'drain', { signal });
    },
  };
}
