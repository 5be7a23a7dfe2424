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
  changes: HeadChanges | undefined,
): void {
  const { request } = exchange;
  // A request of HTTP/1.0 may have none.
  const hostLine = request.hostLine < 0 ? exchange.side.hostLine : undefined;
  const changed = changes === undefined ? undefined : changeLines(exchange, changes);
  const inserted = edits.length + (hostLine?.length ?? 0) + (changed?.length ?? 0);
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
    changed?.copy(input.bytes, at + inserted - changed.length);
  }
  input.start = start;
  exchange.requestLineEnd = requestLineEnd;
  exchange.headLength = headEnd - start;
  if (changes?.target !== undefined) writeTarget(exchange, changes.target);
}

/** Marks the lines that go by a route, and gives those that come. */
function changeLines(exchange: Http1Exchange, { remove, add, authority }: HeadChanges): Buffer | undefined {
  const { lines, connection, hostLine } = exchange.request;
  const { input } = exchange.caller.wire;
  for (let index = 0; index < lines.count; index += 1) {
    const start = input.start + lines.nameStart(index);
    const end = input.start + lines.nameEnd(index);
    const named = remove.some((name) => name.length === end - start && isNamed(input.bytes, start, name));
    if (named || (authority !== undefined && index === hostLine)) connection.removeLine(index);
  }
  const host = authority === undefined ? '' : `host: ${authority}\r\n`;
  const text = host + add.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return text === '' ? undefined : Buffer.from(text, 'latin1');
}

function isNamed(bytes: Buffer, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index += 1) {
    const byte = bytes[start + index] as number;
    if ((byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte) !== name.charCodeAt(index)) return false;
  }
  return true;
}

/** Exchanges the target in the request line, which stands at the very start of the head. */
function writeTarget(exchange: Http1Exchange, target: string): void {
  const { request } = exchange;
  const { input } = exchange.caller.wire;
  const { targetStart } = request;
  const before = exchange.requestLineEnd - SLASH_FROM_END - targetStart;
  const longer = target.length - before;
  if (longer > 0) input.reserveInFront(longer);
  input.bytes.copyWithin(input.start - longer, input.start, input.start + targetStart);
  input.start -= longer;
  input.bytes.write(target, input.start + targetStart, 'latin1');
  exchange.requestLineEnd += longer;
  exchange.headLength += longer;
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
