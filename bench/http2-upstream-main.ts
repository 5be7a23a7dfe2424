import net from 'node:net';
import {
  endHeaders,
  endStream,
  FRAME,
  frameHeader,
  headerBlock,
  PREFACE,
  readFrameHeader,
} from './http2-frames.ts';
import { BODY_BYTES, GRPC_MESSAGE_BYTES, HOST } from './scene.ts';

/*
 * An HTTP/2 server for benchmarks. A request without a body gets 200 bytes. One with a body is a gRPC call, and gets as many messages as its
 * own message says, each in a DATA frame of its own, then the trailers. Responses are bytes that were made before, and all that are due
 * leave in one write, so that it takes little of the core that it shares with the load: a sixth of what nginx takes for HTTP/2. What it is
 * not: a server that reads header fields, or copes with what no peer of this benchmark sends.
 */

const MOST_MESSAGES = 1000;
const SETTINGS_MAX_CONCURRENT_STREAMS = 3;
const SETTINGS_INITIAL_WINDOW_SIZE = 4;
const STREAMS = 10_000;
const STREAM_WINDOW = 1 << 20;
const CONNECTION_WINDOW = 1 << 30;
const ACKNOWLEDGE_BYTES = 1 << 24;
const FRAME_BYTES = 9;

const responseHead = headerBlock([
  [':status', '200'],
  ['content-type', 'application/grpc'],
]);
const trailers = headerBlock([['grpc-status', '0']]);
const message = Buffer.concat([Buffer.alloc(5), Buffer.alloc(GRPC_MESSAGE_BYTES, 'x')]);
message.writeUInt32BE(GRPC_MESSAGE_BYTES, 1);

/** A whole response, where the stream's number stands in it, and how much of it counts for flow control. */
interface Response {
  readonly bytes: Buffer;
  readonly streams: readonly number[];
  readonly dataBytes: number;
}

type Frame = readonly [type: number, flags: number, payload: Buffer];

function joined(frames: readonly Frame[]): Response {
  const parts: Buffer[] = [];
  const streams: number[] = [];
  let length = 0;
  let dataBytes = 0;
  for (const [type, flags, payload] of frames) {
    streams.push(length + 5);
    parts.push(frameHeader(payload.length, type, flags, 0), payload);
    length += FRAME_BYTES + payload.length;
    if (type === FRAME.data) dataBytes += payload.length;
  }
  return { bytes: Buffer.concat(parts), streams, dataBytes };
}

const plain = joined([
  [FRAME.headers, endHeaders, headerBlock([[':status', '200']])],
  [FRAME.data, endStream, Buffer.alloc(BODY_BYTES.small, 'x')],
]);

const calls = new Map<number, Response>();

/** The response to a call, with `count` messages. */
function callResponse(count: number): Response {
  const known = calls.get(count);
  if (known !== undefined) return known;
  const made = joined([
    [FRAME.headers, endHeaders, responseHead],
    ...Array.from({ length: count }, (): Frame => [FRAME.data, 0, message]),
    [FRAME.headers, endHeaders | endStream, trailers],
  ]);
  calls.set(count, made);
  return made;
}

function setting(name: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(name, 0);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

function windowUpdate(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes, 0);
  return Buffer.concat([frameHeader(4, FRAME.windowUpdate, 0, 0), payload]);
}

const ownSettings = Buffer.concat([
  setting(SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS),
  setting(SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW),
]);
const hello = Buffer.concat([
  frameHeader(ownSettings.length, FRAME.settings, 0, 0),
  ownSettings,
  windowUpdate(CONNECTION_WINDOW),
]);

/** One connection. Responses go out in the order of the requests; one that the connection's window has no room for waits, and those behind it. */
class Connection {
  readonly #socket: net.Socket;
  /** What has come of each request's body. */
  readonly #bodies = new Map<number, Buffer>();
  readonly #waiting: { readonly stream: number; readonly response: Response }[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #greeted = false;
  #window = 65_535;
  #received = 0;
  #out: Buffer[] = [];

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.write(hello);
    socket.on('data', (piece: Buffer) => this.#read(piece));
    socket.on('error', () => socket.destroy());
  }

  #read(piece: Buffer): void {
    let bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    if (!this.#greeted) {
      if (bytes.length < PREFACE.length) {
        this.#rest = bytes;
        return;
      }
      if (!bytes.subarray(0, PREFACE.length).equals(PREFACE)) {
        this.#socket.destroy();
        return;
      }
      this.#greeted = true;
      bytes = bytes.subarray(PREFACE.length);
    }
    let at = 0;
    for (let frame = readFrameHeader(bytes, at); frame !== undefined; frame = readFrameHeader(bytes, at)) {
      const payload = bytes.subarray(at + FRAME_BYTES, at + FRAME_BYTES + frame.length);
      at += FRAME_BYTES + frame.length;
      this.#take(frame.type, frame.flags, frame.stream, payload);
    }
    this.#rest = bytes.subarray(at);
    if (this.#received > ACKNOWLEDGE_BYTES) {
      this.#out.push(windowUpdate(this.#received));
      this.#received = 0;
    }
    this.#answer();
    if (this.#out.length > 0)
      this.#socket.write(this.#out.length === 1 ? (this.#out[0] as Buffer) : Buffer.concat(this.#out));
    this.#out = [];
  }

  #take(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === FRAME.data) {
      this.#received += payload.length;
      const before = this.#bodies.get(stream);
      // Padded frames come from none of the peers.
      const body = before === undefined ? payload : Buffer.concat([before, payload]);
      if ((flags & endStream) === 0) this.#bodies.set(stream, Buffer.from(body));
      else {
        if (before !== undefined) this.#bodies.delete(stream);
        const count = body.length < 9 ? 1 : body.readUInt32BE(5);
        this.#waiting.push({ stream, response: callResponse(Math.min(count, MOST_MESSAGES)) });
      }
    } else if (type === FRAME.headers) {
      if ((flags & endStream) !== 0) this.#waiting.push({ stream, response: plain });
    } else if (type === FRAME.resetStream) {
      this.#bodies.delete(stream);
    } else if (type === FRAME.windowUpdate) {
      if (stream === 0) this.#window += payload.readUInt32BE(0);
    } else if ((type === FRAME.settings || type === FRAME.ping) && (flags & 1) === 0) {
      const echoed = type === FRAME.ping ? payload : Buffer.alloc(0);
      this.#out.push(Buffer.concat([frameHeader(echoed.length, type, 1, 0), echoed]));
    }
  }

  #answer(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const { bytes, streams, dataBytes } = first.response;
      if (dataBytes > this.#window) return;
      this.#window -= dataBytes;
      this.#waiting.shift();
      const own = Buffer.from(bytes);
      for (const at of streams) own.writeUInt32BE(first.stream, at);
      this.#out.push(own);
    }
  }
}

const server = net.createServer({ noDelay: true }, (socket) => new Connection(socket));
server.listen(Number(process.argv[2]), HOST);
