import { createHash } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import type { Address } from '../../../src/config/index.ts';
import {
  bodySizeOf,
  type DecodedFields,
  FrameReader,
  methodArgumentsOf,
  methodNameOf,
  propertiesOf,
} from './second-codec.ts';

/** A method that a server sent, with its message if it carries one. */
export interface WireEvent {
  readonly method: string;
  readonly fields: DecodedFields;
  readonly message?: {
    readonly properties: DecodedFields;
    readonly bytes: number;
    readonly digest: string;
  };
}

/** What a server said on one channel, in order, apart by what the specification orders: replies, deliveries, returns. */
export interface WireChannel {
  readonly replies: WireEvent[];
  readonly deliveries: WireEvent[];
  readonly returns: WireEvent[];
  /** `basic.cancel`, which comes when it comes. */
  readonly notices: WireEvent[];
  /** Delivery tags that were confirmed and refused; how many a `multiple` confirms at once is the broker's whim. */
  readonly confirmed: number[];
  readonly refused: number[];
}

/** All that a server said on one connection. */
export interface WireTranscript {
  readonly channels: Map<number, WireChannel>;
  heartbeats: number;
  /** How the server's side of the connection ended. */
  end: 'open' | 'closed' | 'reset';
}

const WITH_MESSAGE = new Set(['BasicDeliver', 'BasicGetOk', 'BasicReturn']);

interface Unfinished {
  readonly method: string;
  readonly fields: DecodedFields;
  properties: DecodedFields;
  remaining: number;
  bytes: number;
  readonly hash: ReturnType<typeof createHash>;
}

/** Reads the server's half of a connection. */
class ServerSide {
  readonly transcript: WireTranscript = { channels: new Map(), heartbeats: 0, end: 'open' };
  readonly #reader = new FrameReader();
  readonly #unfinished = new Map<number, Unfinished>();
  readonly #published = new Map<number, { all: number; cleared: number }>();

  push(bytes: Buffer): void {
    for (const { type, channel, payload } of this.#reader.push(bytes)) {
      if (type === 8) {
        this.transcript.heartbeats += 1;
        continue;
      }
      if (type === 1) this.#method(channel, payload);
      else if (type === 2) this.#header(channel, payload);
      else this.#body(channel, payload);
    }
  }

  #channel(number: number): WireChannel {
    const known = this.transcript.channels.get(number);
    if (known !== undefined) return known;
    const made = { replies: [], deliveries: [], returns: [], notices: [], confirmed: [], refused: [] };
    this.transcript.channels.set(number, made);
    return made;
  }

  #method(number: number, payload: Buffer): void {
    const method = methodNameOf(payload);
    const fields = methodArgumentsOf(payload);
    const channel = this.#channel(number);
    if (WITH_MESSAGE.has(method)) {
      const hash = createHash('sha256');
      this.#unfinished.set(number, { method, fields, properties: {}, remaining: -1, bytes: 0, hash });
    } else if (method === 'BasicAck' || method === 'BasicNack') {
      this.#confirm(number, method === 'BasicAck' ? channel.confirmed : channel.refused, fields);
    } else if (method === 'BasicCancel') {
      channel.notices.push({ method, fields });
    } else {
      channel.replies.push({ method, fields });
      if (method === 'ChannelOpenOk') this.#published.delete(number);
    }
  }

  #confirm(number: number, into: number[], fields: DecodedFields): void {
    const tag = Number(fields['deliveryTag']);
    const state = this.#published.get(number) ?? { all: 0, cleared: 0 };
    if (fields['multiple'] === true) {
      for (let each = state.cleared + 1; each <= tag; each += 1) if (!into.includes(each)) into.push(each);
      state.cleared = tag;
    } else if (!into.includes(tag)) into.push(tag);
    this.#published.set(number, state);
  }

  #header(number: number, payload: Buffer): void {
    const unfinished = this.#unfinished.get(number);
    if (unfinished === undefined) throw new Error('a content header without its method');
    unfinished.properties = propertiesOf(payload);
    unfinished.remaining = bodySizeOf(payload);
    this.#finish(number, unfinished);
  }

  #body(number: number, payload: Buffer): void {
    const unfinished = this.#unfinished.get(number);
    if (unfinished === undefined) throw new Error('a body without its method');
    unfinished.remaining -= payload.length;
    unfinished.bytes += payload.length;
    unfinished.hash.update(payload);
    this.#finish(number, unfinished);
  }

  #finish(number: number, { method, fields, properties, remaining, bytes, hash }: Unfinished): void {
    if (remaining > 0) return;
    if (remaining < 0) throw new Error('a body that is longer than announced');
    this.#unfinished.delete(number);
    const message = { properties, bytes, digest: hash.digest('hex').slice(0, 16) };
    const channel = this.#channel(number);
    const list =
      method === 'BasicDeliver'
        ? channel.deliveries
        : method === 'BasicReturn'
          ? channel.returns
          : channel.replies;
    list.push({ method, fields, message });
  }
}

/** A relay in front of a server of AMQP 0-9-1 that writes down what the server says, and what the client sent as bytes. */
export class WireRecorder implements AsyncDisposable {
  readonly port: number;
  /** One for each connection, in the order they were made. */
  readonly transcripts: WireTranscript[] = [];
  /** What each client sent. */
  readonly sent: Buffer[][] = [];
  /** What each client was sent. */
  readonly received: Buffer[][] = [];
  /** What could not be read: a server that breaks the protocol. */
  readonly faults: string[] = [];
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #watchers = new Set<() => void>();

  private constructor(server: net.Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Opens a recorder in front of `target`, on a port of loopback that was free. */
  static async open(target: Address): Promise<WireRecorder> {
    const server = net.createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const recorder = new WireRecorder(
      server,
      typeof address === 'object' && address !== null ? address.port : 0,
    );
    server.on('connection', (socket) => recorder.#relay(socket, target));
    return recorder;
  }

  /** Resolves when `condition` holds, looking at each piece that comes. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#watchers.delete(wake);
          resolve();
        };
        this.#watchers.add(wake);
      });
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #relay(client: net.Socket, target: Address): void {
    const server = net.connect({ ...target, noDelay: true });
    const side = new ServerSide();
    const sent: Buffer[] = [];
    const received: Buffer[] = [];
    this.transcripts.push(side.transcript);
    this.sent.push(sent);
    this.received.push(received);
    const wake = (): void => {
      for (const watcher of [...this.#watchers]) watcher();
    };
    const pump = (from: net.Socket, to: net.Socket, seen: (bytes: Buffer) => void): void => {
      this.#sockets.add(from);
      from.on('data', (bytes: Buffer) => {
        seen(bytes);
        if (!to.write(bytes)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
        wake();
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroySoon();
        wake();
      });
    };
    pump(client, server, (bytes) => sent.push(Buffer.from(bytes)));
    pump(server, client, (bytes) => {
      received.push(Buffer.from(bytes));
      try {
        side.push(bytes);
      } catch (error) {
        this.faults.push(String(error));
      }
    });
    server.on('end', () => {
      side.transcript.end = 'closed';
    });
    server.on('error', () => {
      side.transcript.end = 'reset';
    });
  }
}
