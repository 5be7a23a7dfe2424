import { once } from 'node:events';
import net from 'node:net';
import type { Address } from '../../../src/config/index.ts';
import {
  contentFrames,
  FrameReader,
  methodArgumentsOf,
  methodFrame,
  methodIdOf,
  type WireFrame,
} from './second-codec.ts';

/** The protocol header of AMQP 0-9-1. */
export const HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

const CONNECTION_CLOSE = methodIdOf('ConnectionClose');
const CONNECTION_CLOSE_OK = methodIdOf('ConnectionCloseOk');

/** What a client says first, up to an open connection. */
export function handshake(
  options: { readonly frameMax?: number; readonly channelMax?: number; readonly vhost?: string } = {},
): Buffer[] {
  return [
    HEADER,
    methodFrame(0, 'ConnectionStartOk', {
      clientProperties: { product: 'raw' },
      mechanism: 'PLAIN',
      response: Buffer.from('\0guest\0guest'),
      locale: 'en_US',
    }),
    methodFrame(0, 'ConnectionTuneOk', {
      channelMax: options.channelMax ?? 2046,
      frameMax: options.frameMax ?? 131_072,
      heartbeat: 0,
    }),
    methodFrame(0, 'ConnectionOpen', { virtualHost: options.vhost ?? '/' }),
  ];
}

/** A message that is published. */
export function publish(channel: number, key: string, body: Buffer, properties: object = {}): Buffer[] {
  return [
    methodFrame(channel, 'BasicPublish', { exchange: '', routingKey: key }),
    ...contentFrames(channel, body, properties),
  ];
}

/** How a conversation ended. */
export interface Ending {
  /** All that came. */
  readonly received: Buffer;
  /** Its frames, if the last is whole; undefined when it is not a stream of frames. */
  readonly frames: readonly WireFrame[] | undefined;
  /** What is wrong with the stream, if something is. */
  readonly broken: string | undefined;
  /** The reply code of the server's `connection.close`. */
  readonly code: number | undefined;
  readonly text: string;
  /** The error of the socket, such as ECONNRESET. */
  readonly error: string | undefined;
}

/** Whatever else comes may be no method at all. */
function isMethod({ type, payload }: WireFrame, id: number): boolean {
  return type === 1 && payload.length >= 4 && payload.readUInt32BE(0) === id;
}

/** Its code is read even where the rest is cut off. */
function closeArguments(payload: Buffer): { readonly replyCode: number; readonly replyText: string } {
  try {
    return methodArgumentsOf(payload) as { replyCode: number; replyText: string };
  } catch {
    return { replyCode: payload.length >= 6 ? payload.readUInt16BE(4) : 0, replyText: '' };
  }
}

function judge(received: Buffer, error: string | undefined): Ending {
  const nothing = { code: undefined, text: '', error, received };
  // The server's answer to a version that it does not speak.
  if (received.equals(HEADER)) return { ...nothing, frames: [], broken: undefined };
  const reader = new FrameReader();
  let frames: WireFrame[];
  try {
    frames = reader.push(received);
  } catch (thrown) {
    return { ...nothing, frames: undefined, broken: String(thrown) };
  }
  const broken =
    reader.unfinishedBytes > 0 ? `${reader.unfinishedBytes} bytes of an unfinished frame` : undefined;
  for (const frame of frames) {
    if (!isMethod(frame, CONNECTION_CLOSE)) continue;
    const { replyCode, replyText } = closeArguments(frame.payload);
    return { ...nothing, frames, broken, code: replyCode, text: replyText };
  }
  return { ...nothing, frames, broken };
}

/** What a raw client does beside sending. */
export interface RawOptions {
  /** How the bytes are cut into writes: each piece is one, after the one before has left. */
  readonly pieces: readonly Buffer[];
  /** Ends its half of the connection after the last piece. Otherwise it waits for the server to do so. */
  readonly end: boolean;
  /** After each of so many pieces it waits until the server has said something, as client libraries do. */
  readonly inTurn?: number;
  /** Leaves the server's `connection.close` unanswered. */
  readonly rude?: boolean;
}

/** Sends bytes and resolves when the connection has closed on both sides. */
export function converse(
  address: Address,
  { pieces, end, inTurn = 0, rude = false }: RawOptions,
): Promise<Ending> {
  return new Promise((resolve) => {
    const received: Buffer[] = [];
    let reader: FrameReader | undefined = new FrameReader();
    const answerClose = (bytes: Buffer): void => {
      try {
        for (const frame of reader?.push(bytes) ?? []) {
          if (rude || !socket.writable) continue;
          if (isMethod(frame, CONNECTION_CLOSE)) socket.end(methodFrame(0, 'ConnectionCloseOk'));
          if (isMethod(frame, CONNECTION_CLOSE_OK)) socket.end();
        }
      } catch {
        // It is judged at the end.
        reader = undefined;
      }
    };
    let error: string | undefined;
    let waiting: (() => void) | undefined;
    const socket = net.connect({ ...address, noDelay: true, allowHalfOpen: true });
    socket.on('data', (bytes: Buffer) => {
      received.push(bytes);
      answerClose(bytes);
      const wake = waiting;
      waiting = undefined;
      wake?.();
    });
    socket.on('end', () => socket.end());
    socket.on('error', (thrown: NodeJS.ErrnoException) => {
      error = thrown.code;
    });
    socket.on('close', () => resolve(judge(Buffer.concat(received), error)));
    const send = (index: number): void => {
      const piece = pieces[index];
      if (!socket.writable) return;
      if (piece === undefined) {
        if (end) socket.end();
      } else if (index < inTurn) {
        waiting = () => send(index + 1);
        socket.write(piece);
      } else socket.write(piece, () => send(index + 1));
    };
    send(0);
  });
}

/** Opens a connection as client libraries do, and hands over its socket: nobody reads from it yet. */
export async function openRaw(address: Address): Promise<net.Socket> {
  const socket = net.connect({ ...address, noDelay: true });
  socket.on('error', () => undefined);
  const [header = HEADER, startOk = HEADER, ...rest] = handshake();
  for (const step of [header, startOk, Buffer.concat(rest)]) {
    socket.write(step);
    await once(socket, 'data');
  }
  socket.pause();
  return socket;
}
