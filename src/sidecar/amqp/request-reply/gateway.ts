import { randomUUID } from 'node:crypto';
import http from 'node:http';
import type { Duplex } from 'node:stream';
import { messageOf, type Policy, PriomeshError } from '../../../core/index.ts';
import { ownAnswer, type QueueAnswerCode } from './answers.ts';
import type { ClassOfTrace } from './class-of-trace.ts';
import type { GatewayCounters } from './counters.ts';
import { endToEndFields, fieldOf, isOriginForm } from './fields.ts';
import { REQUEST_REPLY_LIMITS } from './limits.ts';
import { fitsMessageId, type QueuedRequest, TRACE_FIELDS, type Trace } from './message-format.ts';
import type { Outcome, Ticket } from './outstanding.ts';
import { waitPreferenceMs } from './prefer.ts';
import type { Requester } from './requester.ts';

/** What a gateway needs. */
export interface GatewayOptions {
  readonly queue: string;
  readonly policy: Policy;
  readonly requester: Requester;
  readonly classOf: ClassOfTrace;
  readonly counters: GatewayCounters;
  readonly maxHeadBytes: number;
  readonly maxQueuedRequestBytes: number;
}

/** Trace fields travel as headers of the message; the length is that of the body, whoever writes it. */
const NOT_AS_FIELDS: ReadonlySet<string> = new Set([...TRACE_FIELDS, 'content-length']);

/**
 * Takes HTTP requests on loopback and serves them through a queue. The stages of the sidecar's stacks send the requests of a route here as
 * to any other endpoint. Bodies are read whole, because a message is whole or not there.
 */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #server: http.Server;

  /** Listens on loopback, on a port that the kernel chooses. @throws PriomeshError LISTEN_FAILED */
  static async open(options: GatewayOptions): Promise<Gateway> {
    const server = http.createServer({
      maxHeaderSize: options.maxHeadBytes + REQUEST_REPLY_LIMITS.headReserveBytes,
      noDelay: true,
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        reject(
          new PriomeshError('LISTEN_FAILED', `gateway to queue ${options.queue}: ${messageOf(error)}`, {
            cause: error,
          }),
        );
      });
      server.listen({ host: '127.0.0.1', port: 0 }, resolve);
    });
    return new Gateway(options, server);
  }

  constructor(options: GatewayOptions, server: http.Server) {
    this.#options = options;
    this.#server = server;
    // Accepting can fail for want of descriptors; the stack then finds no connection, and answers.
    server.on('error', () => undefined);
    server.on('clientError', refuseUnread);
    server.on('request', (request, response) => this.#serve(request, response));
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Closes the listener and what is connected to it. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #serve(incoming: http.IncomingMessage, response: http.ServerResponse): void {
    const { requester, counters, classOf, policy, queue, maxQueuedRequestBytes } = this.#options;
    const trace = traceOf(incoming.headers);
    const classIndex = classOf(trace);
    const row = policy.classes[classIndex];
    const answer = (outcome: Outcome): void => respond(incoming, response, outcome, row?.name ?? 'unknown');
    const refuse = (code: QueueAnswerCode): void => {
      if (ticket !== undefined) requester.withdraw(ticket);
      if (code !== 'TARGET_INVALID') counters.tooLarge += 1;
      answer(code);
    };
    const ticket: Ticket | undefined = requester.admit({
      classIndex,
      queue,
      deadlineMs: Math.min(row?.queue.deadlineMs ?? 0, waitPreferenceMs(incoming.headers['prefer'])),
      answered: answer,
    });
    if (ticket === undefined) {
      answer('BROKER_FULL');
      return;
    }
    response.on('close', () => requester.abandon(ticket));
    incoming.on('error', () => undefined);

    if (Number(incoming.headers['content-length'] ?? 0) > maxQueuedRequestBytes) {
      refuse('REQUEST_TOO_LARGE');
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      if (ticket.state !== 'reading') return;
      bytes += chunk.length;
      if (bytes > maxQueuedRequestBytes) refuse('REQUEST_TOO_LARGE');
      else if (requester.hold(ticket, chunk.length)) chunks.push(chunk);
      else {
        requester.withdraw(ticket);
        answer('BROKER_FULL');
      }
    });
    incoming.on('end', () => {
      if (ticket.state !== 'reading') return;
      const request = requestOf(incoming, trace, Buffer.concat(chunks, bytes));
      if (request === undefined) refuse('TARGET_INVALID');
      else if (!requester.fits(request)) refuse('FIELDS_TOO_LARGE');
      else requester.send(ticket, request);
    });
  }
}

/** Answers what Node's parser does not take. The stacks in front are as strict as it is, but for methods that are not registered. */
function refuseUnread(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  if (error.code !== 'HPE_INVALID_METHOD') {
    // As Node does by itself: a response, because a connection that breaks would count against the gateway.
    socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
    return;
  }
  const { status, fields, body } = ownAnswer('METHOD_UNKNOWN', 'unknown');
  const lines = [`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`, 'connection: close'];
  lines.push(`content-length: ${body.length}`);
  for (let index = 0; index + 1 < fields.length; index += 2)
    lines.push(`${fields[index]}: ${fields[index + 1]}`);
  socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]));
}

function traceOf(headers: http.IncomingHttpHeaders): Trace {
  const found: [string, string][] = [];
  for (const name of TRACE_FIELDS) {
    const value = headers[name];
    if (typeof value === 'string') found.push([name, value]);
  }
  return Object.fromEntries(found);
}

function requestOf(incoming: http.IncomingMessage, trace: Trace, body: Buffer): QueuedRequest | undefined {
  const { method = '', url = '' } = incoming;
  if (!isOriginForm(url)) return undefined;
  const fields = endToEndFields(incoming.rawHeaders, NOT_AS_FIELDS);
  const given = fieldOf(fields, 'idempotency-key');
  const id = randomUUID();
  const key = given !== undefined && fitsMessageId(given) ? given : id;
  return { id, key, method, target: url, fields, trace, body };
}

/** Writes a response. What is left of the request's body is read and dropped, so that the answer is not overtaken by a reset. */
function respond(
  incoming: http.IncomingMessage,
  response: http.ServerResponse,
  outcome: Outcome,
  className: string,
): void {
  incoming.resume();
  if (response.headersSent || response.destroyed) return;
  const { status, fields, body } = typeof outcome === 'string' ? ownAnswer(outcome, className) : outcome;
  // A response to HEAD and a 304 tell the length of what they do not carry (RFC 9110 section 8.6).
  const bodiless = incoming.method === 'HEAD' || status === 304 || status === 204;
  const kept = endToEndFields(fields, bodiless ? new Set() : new Set(['content-length']));
  if (!bodiless) kept.push('content-length', String(body.length));
  response.sendDate = false;
  response.writeHead(status, kept);
  response.end(bodiless ? undefined : body);
}
