import { createRequire } from 'node:module';
import path from 'node:path';

/** A method or content header as amqplib decodes it. */
export interface DecodedFields {
  readonly [name: string]: unknown;
}

interface Definitions {
  /** A method's id, or the class of a content header. Throws on what it does not know. */
  decode(id: number, bytes: Buffer): DecodedFields;
  info(id: number): { readonly name: string };
  encodeMethod(id: number, channel: number, fields: object): Buffer;
  encodeProperties(id: number, channel: number, size: number, fields: object): Buffer;
}

const CLASS_BASIC = 60;

// Not part of amqplib's interface, and not among its exports: taken by path, as a second implementation of the wire format.
const require = createRequire(import.meta.url);
const library = path.dirname(require.resolve('amqplib'));
const definitions = require(path.join(library, 'lib/defs.js')) as Definitions &
  Readonly<Record<string, unknown>>;

/** One frame of a stream (AMQP 0-9-1, section 4.2.3). */
export interface WireFrame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

/** The name of a method, such as `QueueDeclareOk`. */
export function methodNameOf(payload: Buffer): string {
  return definitions.info(payload.readUInt32BE(0)).name;
}

/** The arguments of a method frame. */
export function methodArgumentsOf(payload: Buffer): DecodedFields {
  return definitions.decode(payload.readUInt32BE(0), payload.subarray(4));
}

/** The properties of a content header frame. */
export function propertiesOf(payload: Buffer): DecodedFields {
  return definitions.decode(payload.readUInt16BE(0), payload.subarray(12));
}

/** The body size that a content header frame announces. */
export function bodySizeOf(payload: Buffer): number {
  return Number(payload.readBigUInt64BE(4));
}

/** What is wrong with a stream of frames. */
export class NotFrames extends Error {}

const HEAD_BYTES = 7;
const LARGEST_FRAME_BYTES = 8 * 1024 * 1024;

/** Cuts a stream into frames, by a reading of the specification that is not the sidecar's. */
export class FrameReader {
  #kept: Buffer = Buffer.alloc(0);

  /** Bytes of a frame that has not come to its end. */
  get unfinishedBytes(): number {
    return this.#kept.length;
  }

  /** @throws NotFrames on a wrong type, size or end */
  push(bytes: Buffer): WireFrame[] {
    let rest = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    const frames: WireFrame[] = [];
    while (rest.length >= HEAD_BYTES) {
      const type = rest.readUInt8(0);
      const size = rest.readUInt32BE(3);
      if (![1, 2, 3, 8].includes(type)) throw new NotFrames(`a frame of type ${type}`);
      if (size > LARGEST_FRAME_BYTES) throw new NotFrames(`a frame of ${size} bytes`);
      if (rest.length < HEAD_BYTES + size + 1) break;
      if (rest.readUInt8(HEAD_BYTES + size) !== 0xce) throw new NotFrames('a frame without its end');
      frames.push({
        type,
        channel: rest.readUInt16BE(1),
        payload: rest.subarray(HEAD_BYTES, HEAD_BYTES + size),
      });
      rest = rest.subarray(HEAD_BYTES + size + 1);
    }
    this.#kept = Buffer.from(rest);
    return frames;
  }
}

/** The number of a method such as `QueueDeclareOk`: class in the upper half, method in the lower. */
export function methodIdOf(name: string): number {
  const id = definitions[name];
  if (typeof id !== 'number') throw new RangeError(`no method ${name}`);
  return id;
}

/** A method frame. Arguments that are left out have amqplib's defaults. */
export function methodFrame(channel: number, name: string, fields: object = {}): Buffer {
  return definitions.encodeMethod(methodIdOf(name), channel, fields);
}

/** A frame of any type with any payload. */
export function anyFrame(type: number, channel: number, payload: Buffer): Buffer {
  const frame = Buffer.alloc(payload.length + HEAD_BYTES + 1);
  frame.writeUInt8(type, 0);
  frame.writeUInt16BE(channel, 1);
  frame.writeUInt32BE(payload.length, 3);
  payload.copy(frame, HEAD_BYTES);
  frame.writeUInt8(0xce, HEAD_BYTES + payload.length);
  return frame;
}

/** Content header and body frames, cut as `frameMax` asks. */
export function contentFrames(
  channel: number,
  body: Buffer,
  properties: object = {},
  frameMax = 131_072,
): Buffer[] {
  const most = frameMax - HEAD_BYTES - 1;
  const frames = [
    definitions.encodeProperties(CLASS_BASIC, channel, body.length, { headers: {}, ...properties }),
  ];
  for (let at = 0; at < body.length; at += most)
    frames.push(anyFrame(3, channel, body.subarray(at, at + most)));
  return frames;
}
