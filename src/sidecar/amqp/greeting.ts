import type { InputBuffer } from '../io/index.ts';
import { PROTOCOL_HEADER } from './protocol/index.ts';

/** The first two bytes of a TLS record that holds a handshake of any version since SSL 3.0 (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR = 0x03;

/** How a client begins: too early to tell, AMQP 0-9-1, TLS, something else. */
export type Greeting = 'incomplete' | 'amqp' | 'tls' | 'other';

/** Reads how a client begins. The protocol header is consumed, all else stays. */
export function readGreeting(input: InputBuffer): Greeting {
  const { bytes, start, length } = input;
  if (length === 0) return 'incomplete';
  if (bytes[start] === TLS_HANDSHAKE) {
    if (length === 1) return 'incomplete';
    return bytes[start + 1] === TLS_MAJOR ? 'tls' : 'other';
  }
  const count = Math.min(length, PROTOCOL_HEADER.length);
  if (bytes.compare(PROTOCOL_HEADER, 0, count, start, start + count) !== 0) return 'other';
  if (count < PROTOCOL_HEADER.length) return 'incomplete';
  input.consumeTo(start + PROTOCOL_HEADER.length);
  return 'amqp';
}
