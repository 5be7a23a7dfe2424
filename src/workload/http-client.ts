import { connect, type Socket } from 'node:net';
import { type Clock, PriomeshError } from '../core/index.ts';
import { ResponseParser } from './response-parser.ts';

const READ_BUFFER_BYTES = 64 * 1024;

/**
 * Why a request has no complete response.
 * `connect`: no connection came about. `connections`: the limit of connections is reached. `reset`: the connection ended before a
 * complete head. `body-length`: it ended before the announced end of the body. `protocol`: the response is malformed.
 * `timeout`: the time was up. `unfinished`: the trial was over.
 */
export const REQUEST_ERRORS = [
  'connect',
  'connections',
  'reset',
  'body-length',
  'protocol',
  'timeout',
  'unfinished',
] as const;

/** The name of a kind of failed request. */
export type RequestError = (typeof REQUEST_ERRORS)[number];

/** A request as the client sends it again and again. */
export interface PreparedRequest {
  readonly method: string;
  /** The whole message, head and (empty) body. */
  readonly bytes: Buffer;
}

/** Who hears about one exchange. `nowMs` is read once for each piece that arrives. */
export interface ExchangeObserver {
  onFirstByte(nowMs: number): void;
  /** Bytes of response body, without framing. */
  onBody(bytes: number, nowMs: number): void;
  /** `queueWaitMs` is what the response says of a wait in a queue, NaN when nothing. */
  onEnd(status: number, nowMs: number, queueWaitMs: number): void;
  /** Instead of onEnd. `status` is 0 when no head was read. */
  onError(error: RequestError, status: number): void;
}

/** One request on its way. */
export interface Exchange {
  /** Gives up: closes the connection and reports `error`. Nothing happens when the exchange is over. */
  abort(error: RequestError): void;
}

/** How the client works. */
export interface HttpClientOptions {
  readonly host: string;
  readonly port: number;
  readonly maxConnections: number;
  readonly clock: Clock;
}

const METHODS_WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);

/** Makes the bytes of a request without body; says nothing beside host and user agent. */
export function prepareRequest(method: string, path: string, host: string): PreparedRequest {
  const length = METHODS_WITH_BODY.has(method) ? 'content-length: 0\r\n' : '';
  const head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nuser-agent: priomesh-generator\r\n${length}\r\n`;
  return { method, bytes: Buffer.from(head, 'latin1') };
}

/**
 * An HTTP/1.1 client for measuring: it never waits for a free connection but opens another, so that a slow response never delays a
 * later request. Connections are kept alive and the one used last is used first. It does not retry.
 */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #idle: Connection[] = [];
  readonly #all = new Set<Connection>();
  // Safe to share: each read is parsed before the next one happens.
  readonly #buffer = Buffer.allocUnsafe(READ_BUFFER_BYTES);
  #opened = 0;

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  /** How many connections were opened so far. */
  get connectionsOpened(): number {
    return this.#opened;
  }

  /** Sends a request now. The observer is never called before this returns. */
  send(request: PreparedRequest, observer: ExchangeObserver): Exchange {
    let connection = this.#idle.pop();
    if (connection === undefined) {
      if (this.#all.size >= this.#options.maxConnections) {
        queueMicrotask(() => observer.onError('connections', 0));
        return { abort() {} };
      }
      connection = this.#open();
    }
    connection.begin(request, observer);
    const used = connection;
    return { abort: (error) => used.abort(observer, error) };
  }

  /** Closes all connections; exchanges on their way report `unfinished`. */
  close(): void {
    for (const connection of this.#all) connection.destroy('unfinished');
  }

  #open(): Connection {
    this.#opened += 1;
    const connection = new Connection(this.#options, this.#buffer, {
      free: () => this.#idle.push(connection),
      gone: () => {
        this.#all.delete(connection);
        const position = this.#idle.indexOf(connection);
        if (position !== -1) this.#idle.splice(position, 1);
      },
    });
    this.#all.add(connection);
    return connection;
  }
}

interface ConnectionOwner {
  free(): void;
  gone(): void;
}

class Connection {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #owner: ConnectionOwner;
  readonly #parser = new ResponseParser();
  #observer: ExchangeObserver | undefined;
  #connected = false;
  #sawByte = false;

  constructor(options: HttpClientOptions, buffer: Buffer, owner: ConnectionOwner) {
    this.#clock = options.clock;
    this.#owner = owner;
    this.#socket = connect({
      host: options.host,
      port: options.port,
      noDelay: true,
      onread: {
        buffer,
        callback: (bytes) => {
          this.#read(buffer, bytes);
          return true;
        },
      },
    });
    this.#socket.on('connect', () => {
      this.#connected = true;
    });
    // The reason is told by 'close', which always follows.
    this.#socket.on('error', () => {});
    this.#socket.on('end', () => this.#ended());
    this.#socket.on('close', () => this.destroy(this.#connected ? this.#cutShort() : 'connect'));
  }

  begin(request: PreparedRequest, observer: ExchangeObserver): void {
    this.#observer = observer;
    this.#sawByte = false;
    this.#parser.begin(request.method);
    this.#socket.write(request.bytes);
  }

  abort(observer: ExchangeObserver, error: RequestError): void {
    if (this.#observer === observer) this.destroy(error);
  }

  destroy(error: RequestError): void {
    const observer = this.#observer;
    this.#observer = undefined;
    this.#owner.gone();
    this.#socket.destroy();
    observer?.onError(error, this.#parser.status);
  }

  #cutShort(): RequestError {
    return this.#parser.status === 0 ? 'reset' : 'body-length';
  }

  #ended(): void {
    const observer = this.#observer;
    if (observer !== undefined && this.#parser.endsAtClose()) {
      this.#observer = undefined;
      observer.onEnd(this.#parser.status, this.#clock.nowMs(), this.#parser.queueWaitMs);
    }
    this.destroy(this.#cutShort());
  }

  #read(buffer: Buffer, bytes: number): void {
    const observer = this.#observer;
    if (observer === undefined) {
      // Bytes that no request asked for: what follows could be taken for an answer.
      this.destroy('protocol');
      return;
    }
    const nowMs = this.#clock.nowMs();
    if (!this.#sawByte) {
      this.#sawByte = true;
      observer.onFirstByte(nowMs);
    }
    const parser = this.#parser;
    const before = parser.bodyBytes;
    let end: number;
    try {
      end = parser.push(buffer, 0, bytes);
    } catch (error) {
      if (!(error instanceof PriomeshError)) throw error;
      this.destroy('protocol');
      return;
    }
    if (parser.bodyBytes > before) observer.onBody(parser.bodyBytes - before, nowMs);
    if (!parser.done) return;
    this.#observer = undefined;
    observer.onEnd(parser.status, nowMs, parser.queueWaitMs);
    if (parser.reusable && end === bytes && !this.#socket.destroyed) this.#owner.free();
    else this.destroy('protocol');
  }
}
