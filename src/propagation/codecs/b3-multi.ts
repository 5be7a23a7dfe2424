import type { Codec, CodecContext } from '../codec.ts';
import { headerBit } from '../edits.ts';
import { isNonZeroHex } from '../hex.ts';
import type { CarrierHeaders } from '../types.ts';
import { adoptB3, isTraceOf } from './b3-single.ts';

const HEADERS = ['x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags'] as const;
const BITS = HEADERS.reduce((bits, name) => bits | headerBit(name), 0);

/** Accept, deny or defer; undefined when a header says something else. `true` and `false` are the form of old tracers. */
function samplingState(headers: CarrierHeaders): number | undefined {
  const { xB3Sampled: sampled, xB3Flags: flags } = headers;
  if (flags === '1') return 1;
  if (flags !== undefined && flags !== '0') return undefined;
  if (sampled === undefined) return -1;
  if (sampled === '1' || sampled === 'true') return 1;
  return sampled === '0' || sampled === 'false' ? 0 : undefined;
}

function isTraceId(text: string): boolean {
  return (text.length === 32 || text.length === 16) && isNonZeroHex(text, 0, text.length);
}

function isSpanId(text: string): boolean {
  return text.length === 16 && isNonZeroHex(text, 0, 16);
}

/**
 * The `x-b3-*` headers (B3 propagation, "Multiple Headers"): read for the trace id where neither traceparent nor `b3`
 * gives one, and passed on unchanged, but from outside only when they do not contradict that. Written only for traces that are started here, where `starts` says so.
 */
export function b3MultiCodec(context: CodecContext, starts: boolean): Codec {
  return {
    headers: HEADERS,
    read(headers, carried) {
      const { xB3TraceId: traceId, xB3SpanId: spanId, xB3ParentSpanId: parentSpanId } = headers;
      const anything = traceId ?? spanId ?? parentSpanId ?? headers.xB3Sampled ?? headers.xB3Flags;
      if (anything === undefined) return;
      const sampled = samplingState(headers);
      const alone = traceId === undefined && spanId === undefined && parentSpanId === undefined;
      if (sampled !== undefined && alone) {
        adoptB3({ traceId: '', spanId: '', sampled }, 'b3-multi', carried);
        return;
      }
      const parentIsGood = parentSpanId === undefined || isSpanId(parentSpanId);
      if (
        sampled === undefined ||
        !parentIsGood ||
        traceId === undefined ||
        spanId === undefined ||
        !isTraceId(traceId) ||
        !isSpanId(spanId)
      ) {
        context.counters.invalidB3s += 1;
        return;
      }
      adoptB3({ traceId, spanId, sampled }, 'b3-multi', carried);
    },
    write(headers, carried, _classIndex, edits) {
      const replaced = headers.xB3TraceId !== undefined;
      if (replaced) {
        if (carried.believed || isTraceOf(headers.xB3TraceId ?? '', carried.traceId)) return false;
        edits.drop(BITS);
      } else if (!starts || headers.b3 !== undefined) return false;
      else if (carried.traceSource !== 'none' || headers.xB3SpanId !== undefined) return false;
      edits.lines(`x-b3-traceid: ${carried.traceId}\r\nx-b3-spanid: ${carried.spanId}\r\n`);
      const decided = headers.xB3Sampled !== undefined || headers.xB3Flags !== undefined;
      if (carried.sampled >= 0 && (replaced || !decided)) {
        edits.lines(`x-b3-sampled: ${carried.sampled}\r\n`);
      }
      return false;
    },
  };
}
