import type { Codec, CodecContext } from '../codec.ts';
import { headerBit } from '../edits.ts';
import { REQUEST_ID_MAX_CHARACTERS } from '../limits.ts';

const COMMA = 0x2c;

/** Whether a request id may serve as a key: visible ASCII, not too long, and not a list, of which applications may forward a part. */
function isUsable(text: string): boolean {
  if (text.length === 0 || text.length > REQUEST_ID_MAX_CHARACTERS) return false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x21 || code > 0x7e || code === COMMA) return false;
  }
  return true;
}

/**
 * `x-request-id`, as Envoy defines it: passed on unchanged; where there is none, a random UUID. One from outside that is
 * no key is replaced.
 */
export function requestIdCodec(context: CodecContext): Codec {
  const bit = headerBit('x-request-id');
  return {
    headers: ['x-request-id'],
    read(headers, carried) {
      const text = headers.xRequestId;
      if (text === undefined) return;
      if (isUsable(text)) carried.requestId = text;
      else context.counters.invalidRequestIds += 1;
    },
    write(headers, carried, _classIndex, edits) {
      if (headers.xRequestId !== undefined) {
        if (carried.believed || isUsable(headers.xRequestId)) return false;
        edits.drop(bit);
      }
      if (carried.requestId === '') carried.requestId = context.ids.uuid();
      edits.lines(`x-request-id: ${carried.requestId}\r\n`);
      return false;
    },
  };
}
