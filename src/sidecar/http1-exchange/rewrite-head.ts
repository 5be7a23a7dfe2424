import type { HeaderEdits } from '../../propagation/index.ts';
import type { HeadChanges } from '../exchange.ts';
import { FIELD, openGap, removeLines } from '../http1/index.ts';
import type { Http1Exchange } from './http1-exchange.ts';

const DIGIT_ONE = 0x31;
const SLASH_FROM_END = ' HTTP/1.1\r\n'.length;

/**
 * Turns the head into the one that is forwarded, in place. The offsets of the request's lines hold no longer afterwards.
 */
export function rewriteHead(
  exchange: Http1Exchange,
  edits: HeaderEdits,
  _changes: HeadChanges | undefined,
): void {
  const { request } = exchange;
  // A request of HTTP/1.0 may have none.
  const hostLine = request.hostLine < 0 ? exchange.side.hostLine : undefined;
  const inserted = edits.length + (hostLine?.length ?? 0);
  dropCarriers(exchange, edits.drop);
  const { input } = exchange.caller.wire;
  if (inserted > 0) input.reserveInFront(inserted);

  const headEnd = input.start + request.length;
  let requestLineEnd = request.targetEnd + SLASH_FROM_END;
  input.bytes[input.start + requestLineEnd - 3] = DIGIT_ONE;
  const { removed, removedCount } = request.connection;
  let start = removeLines(input.bytes, input.start, request.lines, removed, removedCount);
  if (request.authorityBytes > 0) {
    input.bytes.copyWithin(start + request.authorityBytes, start, start + request.targetStart);
    start += request.authorityBytes;
    requestLineEnd -= request.authorityBytes;
  }
  if (inserted > 0) {
    start = openGap(input.bytes, start, requestLineEnd, inserted);
    const at = start + requestLineEnd;
    edits.bytes.copy(input.bytes, at, 0, edits.length);
    hostLine?.copy(input.bytes, at + edits.length);
  }
  input.start = start;
  exchange.headLength = headEnd - start;
}

/** Marks the lines of the carriers that propagation replaces. */
function dropCarriers(exchange: Http1Exchange, drop: number): void {
  if (drop === 0) return;
  const { lines, connection } = exchange.request;
  for (let index = 0; index < lines.count; index += 1) {
    const carrier = lines.id(index) - FIELD.traceparent;
    if (carrier >= 0 && (drop & (1 << carrier)) !== 0) connection.removeLine(index);
  }
}
