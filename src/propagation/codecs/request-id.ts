import { CARRIER, type CarrierHeaders } from '../carriers.ts';
import type { Codec, CodecContext } from '../codec.ts';
import { headerBit } from '../edits.ts';
import { REQUEST_ID_MAX_CHARACTERS } from '../limits.ts';

const COMMA = 0x2c;
const NAME = Buffer.from('x-request-id: ');
const END_OF_LINE = Buffer.from('\r\n');
const carrier = CARRIER['x-request-id'];

/** Whether a request id may serve as a key: visible ASCII, not too long, and not a list, of which applications may forward a part. */
function isUsable(headers: CarrierHeaders): boolean {
  const bytes = headers.bytes(carrier);
  const start = headers.start(carrier);
  const end = headers.end(carrier);
  if (end === start || end - start > REQUEST_ID_MAX_CHARACTERS) return false;
  for (let at = start; at < end; at += 1) {
    const code = bytes[at] as number;
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
      if (isUsable(headers)) {
        carried.request.copy(headers.bytes(carrier), headers.start(carrier), headers.end(carrier));
      } else context.counters.invalidRequestIds += 1;
    },
    write(headers, carried, _classIndex, edits) {
      if (headers.has(carrier)) {
        if (carried.believed || isUsable(headers)) return false;
        edits.drop(bit);
      }
      if (carried.request.length === 0) context.ids.uuid(carried.request);
      edits.part(NAME);
      edits.id(carried.request);
      edits.part(END_OF_LINE);
      return false;
    },
  };
}
