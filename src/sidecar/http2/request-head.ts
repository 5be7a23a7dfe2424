import { grpcTimeout } from './grpc.ts';
import type { Http2Exchange } from './http2-exchange.ts';
import { type HpackEncoder, NAME, type OutputBuffer } from './protocol/index.ts';

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
