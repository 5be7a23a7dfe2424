import { endHeaders, endStream, FRAME, frameHeader, PREFACE, readFrameHeader } from '../http2-frames.ts';
import type { Client, Done } from './client.ts';
import type { Poller } from './poller.ts';

const CONNECTIONS = 8;
/** A stream's and a connection's window of what the server may send; larger than any response here. */
const STREAM_WINDOW = 1 << 24;
const CONNECTION_WINDOW = 1 << 28;
const UNACKNOWLEDGED_MOST = 1 << 26;
/** `:status: 200` of HPACK's static table (RFC 7541, appendix A). */
const STATUS_200 = 0x88;

interface Connection {
  readonly descriptor: number;
  readonly requests: Map<number, { readonly request: number; ok: boolean }>;
  nextStream: number;
  received: number;
  /** Bytes of a frame that has not come whole. */
  rest: Buffer | undefined;
}

/** HTTP/2 with prior knowledge: eight connections in turn, as many streams on each as there are requests. */
export class Http2Client implements Client {
  readonly #poller: Poller;
  readonly #done: Done;
  readonly #request: Buffer;
  readonly #connections: (Connection | undefined)[] = [];
  readonly #buffer = Buffer.allocUnsafeSlow(256 * 1024);
  #turn = 0;

  /** @param headerBlock the request's fields, encoded without the dynamic table */
  constructor(poller: Poller, host: string, port: number, headerBlock: Buffer, done: Done) {
    this.#poller = poller;
    this.#done = done;
    this.#request = Buffer.concat([
      frameHeader(headerBlock.length, FRAME.headers, endHeaders | endStream, 0),
      headerBlock,
    ]);
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(4, 0); // SETTINGS_INITIAL_WINDOW_SIZE
    settings.writeUInt32BE(STREAM_WINDOW, 2);
    const window = Buffer.alloc(4);
    window.writeUInt32BE(CONNECTION_WINDOW, 0);
    const hello = Buffer.concat([
      PREFACE,
      frameHeader(settings.length, FRAME.settings, 0, 0),
      settings,
      frameHeader(window.length, FRAME.windowUpdate, 0, 0),
      window,
    ]);
    for (let tag = 0; tag < CONNECTIONS; tag += 1) {
      const descriptor = poller.open(host, port, tag);
      if (descriptor < 0 || !poller.send(descriptor, hello)) continue;
      this.#connections[tag] = {
        descriptor,
        requests: new Map(),
        nextStream: 1,
        received: 0,
        rest: undefined,
      };
    }
  }

  send(request: number): void {
    this.#turn = (this.#turn + 1) % CONNECTIONS;
    const connection = this.#connections[this.#turn];
    if (connection === undefined) {
      this.#done(request, false);
      return;
    }
    this.#request.writeUInt32BE(connection.nextStream, 5);
    connection.requests.set(connection.nextStream, { request, ok: false });
    connection.nextStream += 2;
    if (!this.#poller.send(connection.descriptor, this.#request)) this.#drop(this.#turn, connection);
  }

  readable(tag: number): void {
    const connection = this.#connections[tag];
    if (connection === undefined) return;
    const count = this.#poller.receive(connection.descriptor, this.#buffer);
    if (count === -1) return;
    if (count <= 0) {
      this.#drop(tag, connection);
      return;
    }
    const piece = this.#buffer.subarray(0, count);
    const bytes = connection.rest === undefined ? piece : Buffer.concat([connection.rest, piece]);
    let at = 0;
    for (let frame = readFrameHeader(bytes, at); frame !== undefined; frame = readFrameHeader(bytes, at)) {
      const payload = bytes.subarray(at + 9, at + 9 + frame.length);
      at += 9 + frame.length;
      if (!this.#take(connection, frame, payload)) {
        this.#drop(tag, connection);
        return;
      }
    }
    connection.rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at));
  }

  close(): void {
    for (const connection of this.#connections) {
      if (connection !== undefined) this.#poller.close(connection.descriptor);
    }
  }

  #take(
    connection: Connection,
    { type, flags, stream }: { type: number; flags: number; stream: number },
    payload: Buffer,
  ): boolean {
    switch (type) {
      case FRAME.headers: {
        const waiting = connection.requests.get(stream);
        if (waiting !== undefined && payload.subarray(0, 3).includes(STATUS_200)) waiting.ok = true;
        if ((flags & endStream) !== 0) this.#end(connection, stream);
        return true;
      }
      case FRAME.data:
        connection.received += payload.length;
        if (connection.received > UNACKNOWLEDGED_MOST) this.#widen(connection);
        if ((flags & endStream) !== 0) this.#end(connection, stream);
        return true;
      case FRAME.resetStream: {
        const waiting = connection.requests.get(stream);
        connection.requests.delete(stream);
        if (waiting !== undefined) this.#done(waiting.request, false);
        return true;
      }
      case FRAME.settings:
        return (flags & 1) !== 0 || this.#answer(connection, FRAME.settings, Buffer.alloc(0));
      case FRAME.ping:
        return (flags & 1) !== 0 || this.#answer(connection, FRAME.ping, payload);
      case FRAME.goAway:
        return false;
      default:
        return true;
    }
  }

  /** Acknowledges settings or a ping. */
  #answer({ descriptor }: Connection, type: number, payload: Buffer): boolean {
    return this.#poller.send(descriptor, Buffer.concat([frameHeader(payload.length, type, 1, 0), payload]));
  }

  #widen(connection: Connection): void {
    const update = Buffer.concat([frameHeader(4, FRAME.windowUpdate, 0, 0), Buffer.alloc(4)]);
    update.writeUInt32BE(connection.received, 9);
    connection.received = 0;
    this.#poller.send(connection.descriptor, update);
  }

  #end(connection: Connection, stream: number): void {
    const waiting = connection.requests.get(stream);
    if (waiting === undefined) return;
    connection.requests.delete(stream);
    this.#done(waiting.request, waiting.ok);
  }

  #drop(tag: number, connection: Connection): void {
    this.#connections[tag] = undefined;
    this.#poller.close(connection.descriptor);
    for (const { request } of connection.requests.values()) this.#done(request, false);
  }
}
