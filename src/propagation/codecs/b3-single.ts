import { equalPadded, isNonZeroHex } from '../bytes.ts';
import { CARRIER, type CarrierHeaders } from '../carriers.ts';
import type { Codec, CodecContext } from '../codec.ts';
import { headerBit } from '../edits.ts';
import type { Id } from '../id.ts';
import type { Carried } from '../types.ts';

const DASH = 0x2d;
const TRACE_CHARACTERS = 32;
const SHORT_TRACE_CHARACTERS = 16;
const SPAN_CHARACTERS = 16;
const carrier = CARRIER.b3;

/** What a B3 header said: where its ids stand in `bytes`. */
interface B3Context {
  readonly bytes: Uint8Array;
  readonly traceStart: number;
  /** 0 where there are no ids. */
  readonly traceCharacters: number;
  readonly spanBytes: Uint8Array;
  readonly spanStart: number;
  /** 1 accept or debug, 0 deny, -1 deferred. */
  readonly sampled: number;
}

/** Fills what a B3 context says, unless a header of more weight has spoken. */
export function adoptB3(context: B3Context, source: 'b3-single' | 'b3-multi', carried: Carried): void {
  if (carried.traceSource !== 'none') return;
  if (carried.sampled < 0) carried.sampled = context.sampled;
  const { bytes, traceStart, traceCharacters, spanBytes, spanStart } = context;
  if (traceCharacters === 0) return;
  const padding = TRACE_CHARACTERS - traceCharacters;
  const { trace } = carried;
  trace.reserve(TRACE_CHARACTERS);
  trace.bytes.fill(0x30, 0, padding);
  trace.bytes.set(bytes.subarray(traceStart, traceStart + traceCharacters), padding);
  carried.span.copy(spanBytes, spanStart, spanStart + SPAN_CHARACTERS);
  carried.traceSource = source;
}

/** Whether the B3 trace id in a range is that of a trace; the short form is padded. */
export function isTraceOf(bytes: Uint8Array, start: number, end: number, trace: Id): boolean {
  return trace.length === TRACE_CHARACTERS && equalPadded(bytes, start, end, trace.bytes, TRACE_CHARACTERS);
}

function samplingState(character: number | undefined): number {
  if (character === 0x31 || character === 0x64) return 1;
  return character === 0x30 ? 0 : -1;
}

/** Parses the single header: `TraceId-SpanId[-SamplingState[-ParentSpanId]]`, or a sampling state alone. */
function parse(headers: CarrierHeaders): B3Context | undefined {
  const bytes = headers.bytes(carrier);
  const start = headers.start(carrier);
  const length = headers.end(carrier) - start;
  const context = { bytes, traceStart: start, spanBytes: bytes, spanStart: 0, sampled: -1 };
  if (length === 1) {
    const sampled = samplingState(bytes[start]);
    return sampled < 0 ? undefined : { ...context, traceCharacters: 0, sampled };
  }
  const isShort = length > SHORT_TRACE_CHARACTERS && bytes[start + SHORT_TRACE_CHARACTERS] === DASH;
  const traceCharacters = isShort ? SHORT_TRACE_CHARACTERS : TRACE_CHARACTERS;
  const spanAt = traceCharacters + 1;
  const spanEnd = spanAt + SPAN_CHARACTERS;
  if (length < spanEnd || bytes[start + traceCharacters] !== DASH) return undefined;
  if (!isNonZeroHex(bytes, start, traceCharacters)) return undefined;
  if (!isNonZeroHex(bytes, start + spanAt, SPAN_CHARACTERS)) return undefined;
  const ids = { ...context, traceCharacters, spanStart: start + spanAt };
  if (length === spanEnd) return ids;
  if (length < spanEnd + 2 || bytes[start + spanEnd] !== DASH) return undefined;
  const sampled = samplingState(bytes[start + spanEnd + 1]);
  if (sampled < 0) return undefined;
  if (length === spanEnd + 2) return { ...ids, sampled };
  const parentAt = spanEnd + 3;
  if (bytes[start + spanEnd + 2] !== DASH || length !== parentAt + SPAN_CHARACTERS) return undefined;
  return isNonZeroHex(bytes, start + parentAt, SPAN_CHARACTERS) ? { ...ids, sampled } : undefined;
}

/** Whether an application that reads this header alone would take the request for one of another trace. */
function contradicts(headers: CarrierHeaders, trace: Id): boolean {
  const found = parse(headers);
  if (found === undefined) return true;
  const { bytes, traceStart, traceCharacters } = found;
  return traceCharacters > 0 && !isTraceOf(bytes, traceStart, traceStart + traceCharacters, trace);
}

/**
 * The `b3` header (B3 propagation, "Single Header"): read for the trace id where there is no traceparent, and passed on
 * unchanged, but from outside only when it does not contradict that. It goes before the multiple headers. Written only
 * for traces that are started here, where `starts` says so.
 */
export function b3SingleCodec(context: CodecContext, starts: boolean): Codec {
  const bit = headerBit('b3');
  return {
    headers: ['b3'],
    read(headers, carried) {
      const found = parse(headers);
      if (found === undefined) context.counters.invalidB3s += 1;
      else adoptB3(found, 'b3-single', carried);
    },
    write(headers, carried, _classIndex, edits) {
      if (headers.has(carrier)) {
        if (carried.believed || !contradicts(headers, carried.trace)) return false;
        edits.drop(bit);
      } else if (!starts || headers.has(CARRIER['x-b3-traceid']) || carried.traceSource !== 'none') {
        return false;
      }
      const sampled = carried.sampled < 0 ? '' : `-${carried.sampled}`;
      edits.lines(`b3: ${carried.traceId}-${carried.spanId}${sampled}\r\n`);
      return false;
    },
  };
}
