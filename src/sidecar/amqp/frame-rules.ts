import type { FrameCursor } from './frame-cursor.ts';
import {
  AmqpFault,
  FRAME,
  type FrameFault,
  isFromClient,
  isFromServer,
  methodIdAt,
  methodName,
} from './protocol/index.ts';

/** Which end of a connection. */
export type End = 'client' | 'broker';

/** Methods of lower classes belong to the connection, the others to a channel (AMQP 0-9-1 section 4.2.3). */
const CHANNEL_CLASS = 20;

const FAULT_TEXTS: Readonly<Record<FrameFault, string>> = {
  'bad-type': 'a frame of a type that does not exist',
  'too-large': 'a frame larger than agreed upon',
  'bad-end': 'a frame without the end octet',
};

/** The fault of bytes that are no frame. */
export function frameFault(fault: FrameFault): AmqpFault {
  return new AmqpFault('frame', FAULT_TEXTS[fault]);
}

/** The number of the method in a frame, 0 for other frames, -1 for a method frame without a method. */
export function methodOf(frame: FrameCursor): number {
  return frame.type === FRAME.method ? methodIdAt(frame.bytes, frame.payloadStart, frame.payloadEnd) : 0;
}

/** Whether a method may come from this end and on this channel. @throws AmqpFault `syntax`, `command` */
export function checkMethod(frame: FrameCursor, id: number, end: End): void {
  if (id < 0) throw new AmqpFault('syntax', 'a method frame without a method');
  const name = methodName(id);
  // A method that is not known here may be known to the other end.
  if (name === undefined) return;
  if (!(end === 'client' ? isFromClient(id) : isFromServer(id))) {
    throw new AmqpFault('command', `${name} comes from the wrong end`);
  }
  if ((frame.channel === 0) !== id >>> 16 < CHANNEL_CLASS) {
    throw new AmqpFault('command', `${name} on channel ${frame.channel}`);
  }
}
