import type { Codec, CodecContext } from '../codec.ts';
import { headerBit } from '../edits.ts';
import { isNonZeroHex } from '../hex.ts';
import type { Carried } from '../types.ts';

const DASH = 0x2d;

/** What a B3 header said. */
interface B3Context {
  readonly traceId: string;
  readonly spanId: string;
  /** 1 accept or debug, 0 deny, -1 deferred. */
  readonly sampled: number;
}

/** Fills what a B3 context says, unless a header of more weight has spoken. */
export function adoptB3(context: B3Context, source: 'b3-single' | 'b3-multi', carried: Carried): void {
  if (carried.traceSource !== 'none') return;
  if (carried.sampled < 0) carried.sampled = context.sampled;
  if (context.traceId === '') return;
  carried.traceId = context.traceId.padStart(32, '0');
  carried.spanId = context.spanId;
  carried.traceSource = source;
}

/** Whether a B3 trace id is that of a trace; the short form is padded. */
export function isTraceOf(b3TraceId: string, traceId: string): boolean {
  return b3TraceId.padStart(32, '0') === traceId;
}

function samplingState(character: string): number {
  if (character === '1' || character === 'd') return 1;
  return character === '0' ? 0 : -1;
}

/** Parses the single header: `TraceId-SpanId[-SamplingState[-ParentSpanId]]`, or a sampling state alone. */
function parse(text: string): B3Context | undefined {
  if (text.length === 1) {
    const sampled = samplingState(text);
    return sampled < 0 ? undefined : { traceId: '', spanId: '', sampled };
  }
  const traceCharacters = text.charCodeAt(16) === DASH ? 16 : 32;
  const spanStart = traceCharacters + 1;
  const spanEnd = spanStart + 16;
  if (text.length < spanEnd || text.charCodeAt(traceCharacters) !== DASH) return undefined;
  if (!isNonZeroHex(text, 0, traceCharacters) || !isNonZeroHex(text, spanStart, 16)) return undefined;
  const traceId = text.slice(0, traceCharacters);
  const spanId = text.slice(spanStart, spanEnd);
  if (text.length === spanEnd) return { traceId, spanId, sampled: -1 };
  const sampled = samplingState(text.charAt(spanEnd + 1));
  if (text.charCodeAt(spanEnd) !== DASH || sampled < 0) return undefined;
  if (text.length === spanEnd + 2) return { traceId, spanId, sampled };
  const parentStart = spanEnd + 3;
  if (text.charCodeAt(spanEnd + 2) !== DASH || text.length !== parentStart + 16) return undefined;
  return isNonZeroHex(text, parentStart, 16) ? { traceId, spanId, sampled } : undefined;
}

/** Whether an application that reads this header alone would take the request for one of another trace. */
function contradicts(text: string, traceId: string): boolean {
  const found = parse(text);
  return found === undefined || (found.traceId !== '' && !isTraceOf(found.traceId, traceId));
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
      const text = headers.b3;
      if (text === undefined) return;
      const found = parse(text);
      if (found === undefined) context.counters.invalidB3s += 1;
      else adoptB3(found, 'b3-single', carried);
    },
    write(headers, carried, _classIndex, edits) {
      if (headers.b3 !== undefined) {
        if (carried.believed || !contradicts(headers.b3, carried.traceId)) return false;
        edits.drop(bit);
      } else if (!starts || headers.xB3TraceId !== undefined || carried.traceSource !== 'none') return false;
      const sampled = carried.sampled < 0 ? '' : `-${carried.sampled}`;
      edits.lines(`b3: ${carried.traceId}-${carried.spanId}${sampled}\r\n`);
      return false;
    },
  };
}
