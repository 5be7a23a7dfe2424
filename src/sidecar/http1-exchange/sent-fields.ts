import type { HeadFields } from '../exchange.ts';
import type { Http1Exchange } from './http1-exchange.ts';

/** Fields as lines of a head. */
export function fieldLines(fields: HeadFields): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

/**
 * Writes the fields of this attempt behind the request line, in place of those of the attempt before.
 * @returns by how much the head has become longer
 */
export function writeSentFields(exchange: Http1Exchange): number {
  const lines = fieldLines(exchange.sentFields);
  const { input } = exchange.caller.wire;
  const longer = lines.length - exchange.sentBytes;
  // Moves the head too where a write of the attempt before may refer to it.
  input.reserveInFront(Math.max(0, longer));
  const start = input.start - longer;
  input.bytes.copyWithin(start, input.start, input.start + exchange.requestLineEnd);
  input.bytes.write(lines, start + exchange.requestLineEnd, 'latin1');
  input.start = start;
  exchange.headLength += longer;
  exchange.sentBytes = lines.length;
  return longer;
}
