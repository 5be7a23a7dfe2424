import type { Codec, CodecContext } from '../codec.ts';
import { REQUEST_ID_MAX_CHARACTERS } from '../limits.ts';

/** Whether a request id may serve as a key: visible ASCII, and not too long. */
function isUsable(text: string): boolean {
  if (text.length === 0 || text.length > REQUEST_ID_MAX_CHARACTERS) return false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x21 || code > 0x7e) return false;
  }
  return true;
}

/** `x-request-id`, as Envoy defines it: passed on unchanged; where there is none, a random UUID. */
export function requestIdCodec(context: CodecContext): Codec {
  return {
    headers: ['x-request-id'],
    read(headers, carried) {
      const text = headers.xRequestId;
      if (text === undefined) return;
      if (isUsable(text)) carried.requestId = text;
      else context.counters.invalidRequestIds += 1;
    },
    write(headers, carried, _classIndex, edits) {
      if (headers.xRequestId !== undefined) return false;
      if (carried.requestId === '') carried.requestId = context.ids.uuid();
      edits.lines(`x-request-id: ${carried.requestId}\r\n`);
      return false;
    },
  };
}
