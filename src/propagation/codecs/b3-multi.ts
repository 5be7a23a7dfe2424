import { isNonZeroHex } from '../bytes.ts';
import { CARRIER, type CarrierHeaders } from '../carriers.ts';
import type { Codec, CodecContext } from '../codec.ts';
import { headerBit } from '../edits.ts';
import { adoptB3, isTraceOf } from './b3-single.ts';

const HEADERS = ['x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags'] as const;
const BITS = HEADERS.reduce((bits, name) => bits | headerBit(name), 0);
const TRACE = CARRIER['x-b3-traceid'];
const SPAN = CARRIER['x-b3-spanid'];
const PARENT = CARRIER['x-b3-parentspanid'];
const SAMPLED = CARRIER['x-b3-sampled'];
const IDS = (1 << TRACE) | (1 << SPAN) | (1 << PARENT);

const TRACE_LINE = Buffer.from('x-b3-traceid: ');
const SPAN_LINE = Buffer.from('\r\nx-b3-spanid: ');
const END_OF_LINE = Buffer.from('\r\n');

/** Accept, deny or defer; undefined when a header says something else. `true` and `false` are the form of old tracers. */
function samplingState(headers: CarrierHeaders): number | undefined {
  const flags = headers.text(CARRIER['x-b3-flags']);
  const sampled = headers.text(SAMPLED);
  if (flags === '1') return 1;
  if (flags !== undefined && flags !== '0') return undefined;
  if (sampled === undefined) return -1;
  if (sampled === '1' || sampled === 'true') return 1;
  return sampled === '0' || sampled === 'false' ? 0 : undefined;
}

function isId(headers: CarrierHeaders, carrier: number, isLong: boolean): boolean {
  const start = headers.start(carrier);
  const length = headers.end(carrier) - start;
  if (!headers.has(carrier) || !(length === 16 || (isLong && length === 32))) return false;
  return isNonZeroHex(headers.bytes(carrier), start, length);
}

/**
 * The `x-b3-*` headers (B3 propagation, "Multiple Headers"): read for the trace id where neither traceparent nor `b3`
 * gives one, and passed on unchanged, but from outside only when they do not contradict that. Written only for traces that are started here, where `starts` says so.
 */
export function b3MultiCodec(context: CodecContext, starts: boolean): Codec {
  return {
    headers: HEADERS,
    read(headers, carried) {
      const sampled = samplingState(headers);
      const bytes = headers.bytes(TRACE);
      const traceStart = headers.start(TRACE);
      const spanBytes = headers.bytes(SPAN);
      const spanStart = headers.start(SPAN);
      if (sampled !== undefined && (headers.present & IDS) === 0) {
        adoptB3(
          { bytes, traceStart, traceCharacters: 0, spanBytes, spanStart, sampled },
          'b3-multi',
          carried,
        );
        return;
      }
      const parentIsGood = !headers.has(PARENT) || isId(headers, PARENT, false);
      if (
        sampled === undefined ||
        !parentIsGood ||
        !isId(headers, TRACE, true) ||
        !isId(headers, SPAN, false)
      ) {
        context.counters.invalidB3s += 1;
        return;
      }
      if (carried.traceSource !== 'none') return;
      const traceCharacters = headers.end(TRACE) - traceStart;
      adoptB3({ bytes, traceStart, traceCharacters, spanBytes, spanStart, sampled }, 'b3-multi', carried);
    },
    write(headers, carried, _classIndex, edits) {
      const replaced = headers.has(TRACE);
      if (replaced) {
        if (carried.believed) return false;
        if (isTraceOf(headers.bytes(TRACE), headers.start(TRACE), headers.end(TRACE), carried.trace)) {
          return false;
        }
        edits.drop(BITS);
      } else if (!starts || headers.has(CARRIER.b3)) return false;
      else if (carried.traceSource !== 'none' || headers.has(SPAN)) return false;
      edits.part(TRACE_LINE);
      edits.id(carried.trace);
      edits.part(SPAN_LINE);
      edits.id(carried.span);
      edits.part(END_OF_LINE);
      const decided = headers.has(SAMPLED) || headers.has(CARRIER['x-b3-flags']);
      if (carried.sampled >= 0 && (replaced || !decided)) {
        edits.lines(`x-b3-sampled: ${carried.sampled}\r\n`);
      }
      return false;
    },
  };
}
