import type { Client, Done } from './client.ts';
import type { Poller } from './poller.ts';

const MOST_CONNECTIONS = 4096;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

interface Connection {
  readonly descriptor: number;
  /** The request that it carries; -1 when it is idle. */
  request: number;
  /** Bytes of the body that are still to come; -1 before the end of the head. */
  missing: number;
  ok: boolean;
  /** The begin of a head that came in pieces. */
  head: Buffer | undefined;
}

/**
 * HTTP/1.1 without pipelining: a request takes the idle connection that was used last, and opens another when there is none, so that a
 * slow response never delays a later request.
 */
export class Http1Client implements Client {
  readonly #poller: Poller;
  readonly #host: string;
  readonly #port: number;
  readonly #request: Buffer;
  readonly #done: Done;
  readonly #connections: (Connection | undefined)[] = [];
  readonly #idle: number[] = [];
  readonly #buffer = Buffer.allocUnsafeSlow(256 * 1024);

  constructor(poller: Poller, host: string, port: number, request: Buffer, done: Done) {
    this.#poller = poller;
    this.#host = host;
    this.#port = port;
    this.#request = request;
    this.#done = done;
  }

  send(request: number): void {
    const tag = this.#idle.pop() ?? this.#open();
    const connection = tag === undefined ? undefined : this.#connections[tag];
    if (tag === undefined || connection === undefined) {
      this.#done(request, false);
      return;
    }
    connection.request = request;
    connection.missing = -1;
    if (!this.#poller.send(connection.descriptor, this.#request)) this.#drop(tag, connection);
  }

  readable(tag: number): void {
    const connection = this.#connections[tag];
    if (connection === undefined) return;
    const count = this.#poller.receive(connection.descriptor, this.#buffer);
    if (count === -1) return;
    if (count <= 0 || connection.request < 0) {
      this.#drop(tag, connection);
      return;
    }
    this.#take(tag, connection, this.#buffer.subarray(0, count));
  }

  close(): void {
    for (const connection of this.#connections) {
      if (connection !== undefined) this.#poller.close(connection.descriptor);
    }
  }

  #open(): number | undefined {
    const tag = this.#connections.length;
    if (tag >= MOST_CONNECTIONS) return undefined;
    const descriptor = this.#poller.open(this.#host, this.#port, tag);
    if (descriptor < 0) return undefined;
    this.#connections.push({ descriptor, request: -1, missing: -1, ok: false, head: undefined });
    return tag;
  }

  #take(tag: number, connection: Connection, piece: Buffer): void {
    if (connection.missing >= 0) connection.missing -= piece.length;
    else {
      const bytes = connection.head === undefined ? piece : Buffer.concat([connection.head, piece]);
      const end = bytes.indexOf(END_OF_HEAD);
      if (end < 0) {
        connection.head = Buffer.from(bytes);
        return;
      }
      connection.head = undefined;
      const head = bytes.toString('latin1', 0, end);
      const length = /\ncontent-length: *(\d+)/i.exec(head)?.[1];
      connection.ok = head.startsWith('200', 9);
      // Every response of the upstream says how long it is.
      connection.missing = length === undefined ? -1 : Number(length) - (bytes.length - end - 4);
    }
    if (connection.missing > 0) return;
    if (connection.missing < 0) {
      this.#drop(tag, connection);
      return;
    }
    const { request, ok } = connection;
    connection.request = -1;
    this.#idle.push(tag);
    this.#done(request, ok);
  }

  #drop(tag: number, connection: Connection): void {
    this.#connections[tag] = undefined;
    this.#poller.close(connection.descriptor);
    const position = this.#idle.indexOf(tag);
    if (position >= 0) this.#idle.splice(position, 1);
    if (connection.request >= 0) this.#done(connection.request, false);
  }
}
