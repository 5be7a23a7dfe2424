import type { HeaderEdits } from '../../propagation/index.ts';
import { BodyReader, FIELD } from '../http1/index.ts';
import { FIXED_LIMITS } from '../limits.ts';
import type { Http1Exchange } from './http1-exchange.ts';

/** For copies alone, which are made whole at once. */
const body = new BodyReader(FIXED_LIMITS);

/** The request as it came, for another service: see {@link Exchange.copy}. */
export function copyRequest(
  exchange: Http1Exchange,
  host: string,
  edits: HeaderEdits,
  maxBodyBytes: number,
): Buffer | undefined {
  const { request } = exchange;
  const { input } = exchange.caller.wire;
  const { bytes, start } = input;
  body.begin(request.framing);
  const bodyStart = start + request.length;
  const bodyEnd = body.consume(bytes, bodyStart, input.end);
  if (bodyEnd < 0 || !body.done || bodyEnd - bodyStart > maxBodyBytes) return undefined;
  const targetStart = request.targetStart + request.authorityBytes;
  const method = bytes.toString('latin1', start, start + request.methodEnd);
  const target = bytes.toString('latin1', start + targetStart, start + request.targetEnd);
  const { lines, connection, hostLine } = request;
  let head = `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\nx-priomesh-mirror: 1\r\n`;
  head += edits.bytes.toString('latin1', 0, edits.length);
  for (let index = 0; index < lines.count; index += 1) {
    const id = lines.id(index);
    // A mirror has a trace of its own; nobody waits for 100 (Continue) any more.
    if (index === hostLine || id >= FIELD.traceparent || id === FIELD.expect) continue;
    if (connection.removes(index)) continue;
    head += bytes.toString('latin1', start + lines.nameStart(index), start + lines.lineEnd(index));
  }
  return Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), bytes.subarray(bodyStart, bodyEnd)]);
}
