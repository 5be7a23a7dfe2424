import type { HeaderEdits } from '../../propagation/index.ts';
import type { HeadChanges } from '../exchange.ts';
import { grpcTimeout, grpcTimeoutMs } from './grpc.ts';
import type { Http2Exchange } from './http2-exchange.ts';
import { type HpackEncoder, NAME, type OutputBuffer } from './protocol/index.ts';

const CARRIERS = NAME.priority - NAME.traceparent;

/** Shows the tracing and priority fields that came. */
export function fillCarriers({ requestBlock, carriers }: Http2Exchange): void {
  for (let index = 0; index < requestBlock.count; index += 1) {
    const carrier = requestBlock.id(index) - NAME.traceparent;
    if (carrier < 0 || carrier > CARRIERS) continue;
    const bytes = requestBlock.valueBytes(index);
    carriers.add(carrier, bytes, requestBlock.valueStart(index), requestBlock.valueEnd(index));
  }
}

/** The time that the caller of gRPC gives, in ms; its field is written anew. -1 without one, or where it is malformed: then the service says what it thinks of it. */
export function takeDeadline({ request, requestBlock }: Http2Exchange): number {
  if (!request.isGrpc) return -1;
  const index = requestBlock.indexOf(NAME['grpc-timeout']);
  const ms = index < 0 ? -1 : grpcTimeoutMs(requestBlock, index);
  if (ms >= 0) requestBlock.drop(index);
  return ms;
}

/** Notes what is changed in the head when it is written. */
export function rewriteHead(
  { requestBlock, lines }: Http2Exchange,
  edits: HeaderEdits,
  changes: HeadChanges | undefined,
): void {
  if (edits.drop !== 0) {
    for (let index = 0; index < requestBlock.count; index += 1) {
      const carrier = requestBlock.id(index) - NAME.traceparent;
      if (carrier >= 0 && carrier <= CARRIERS && (edits.drop & (1 << carrier)) !== 0)
        requestBlock.drop(index);
    }
  }
  if (edits.length > 0) lines.append(edits.bytes, 0, edits.length);
  if (changes === undefined) return;
  for (let index = 0; index < requestBlock.count; index += 1) {
    if (changes.remove.includes(requestBlock.name(index))) requestBlock.drop(index);
  }
  for (const [name, value] of changes.add) {
    const line = Buffer.from(`${name}: ${value}\r\n`, 'latin1');
    lines.append(line, 0, line.length);
  }
}

/** Writes the head of a request as it is forwarded: what came, less what was dropped, what a route changes, and what was added. */
export function writeRequestHead(exchange: Http2Exchange, encoder: HpackEncoder, out: OutputBuffer): void {
  const { requestBlock: block, request, changes, lines } = exchange;
  const hasBoth = request.authority >= 0 && request.host >= 0;
  for (let index = 0; index < block.count; index += 1) {
    if (block.dropped(index)) continue;
    // Host says what `:authority` says.
    if (hasBoth && index === request.host) continue;
    if (changes !== undefined) {
      if (index === request.path && changes.target !== undefined) {
        writeText(encoder, out, NAME[':path'], changes.target);
        continue;
      }
      const names = index === request.authority || index === request.host;
      if (names && changes.authority !== undefined) {
        writeText(encoder, out, block.id(index), changes.authority);
        continue;
      }
    }
    encoder.field(out, block, index);
  }
  if (lines.length > 0) encoder.lines(out, lines.bytes, 0, lines.length);
  if (exchange.sentFields.length > 0) {
    const sent = exchange.sentFields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    encoder.lines(out, Buffer.from(sent, 'latin1'), 0, sent.length);
  }
  if (request.isGrpc && exchange.deadlineMs !== Number.POSITIVE_INFINITY) {
    const leftMs = exchange.deadlineMs - exchange.side.clock.nowMs();
    writeText(encoder, out, NAME['grpc-timeout'], grpcTimeout(leftMs));
  }
}

function writeText(encoder: HpackEncoder, out: OutputBuffer, id: number, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  encoder.value(out, id, bytes, 0, bytes.length);
}
