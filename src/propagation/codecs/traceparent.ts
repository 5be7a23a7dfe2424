import { hexDigit, isNonZeroHex } from '../bytes.ts';
import { CARRIER } from '../carriers.ts';
import type { Codec, CodecContext } from '../codec.ts';
import { headerBit } from '../edits.ts';
import { TRACEPARENT_MAX_CHARACTERS } from '../limits.ts';
import { type Carried, FLAWS } from '../types.ts';

/** The length of a traceparent of version 00; those of later versions are at least as long. */
const VERSION_00_CHARACTERS = 55;

/** Where the parts of a traceparent stand. */
const TRACE_AT = 3;
const TRACE_END = 35;
const SPAN_AT = 36;
const SPAN_END = 52;
const FLAGS_AT = 53;

const DASH = 0x2d;
const NAME = Buffer.from('traceparent: 00-');
const BETWEEN = Buffer.from('-');
/** By the flags. The random flag of level 2 (section 3.2.2.5.2) is set only where the ids were drawn here. */
const ENDS = [0, 1, 2, 3].map((flags) => Buffer.from(`-0${flags}\r\n`));

/**
 * Whether a traceparent is valid: W3C Trace Context section 3.2.2 for version 00, section 3.2.4 for later ones, of which
 * only the parts known from version 00 are looked at.
 */
function isValid(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length < VERSION_00_CHARACTERS || length > TRACEPARENT_MAX_CHARACTERS) return false;
  const high = hexDigit(bytes[start] as number);
  const low = hexDigit(bytes[start + 1] as number);
  if (high < 0 || low < 0 || (high === 15 && low === 15)) return false;
  if (bytes[start + TRACE_AT - 1] !== DASH || bytes[start + TRACE_END] !== DASH) return false;
  if (bytes[start + SPAN_END] !== DASH) return false;
  if (!isNonZeroHex(bytes, start + TRACE_AT, TRACE_END - TRACE_AT)) return false;
  if (!isNonZeroHex(bytes, start + SPAN_AT, SPAN_END - SPAN_AT)) return false;
  if (hexDigit(bytes[start + FLAGS_AT] as number) < 0) return false;
  if (hexDigit(bytes[start + FLAGS_AT + 1] as number) < 0) return false;
  if (length === VERSION_00_CHARACTERS) return true;
  return high + low > 0 && bytes[start + VERSION_00_CHARACTERS] === DASH;
}

/**
 * W3C `traceparent`. A valid one is passed on unchanged, its parent-id too, but where the sidecar reports a span of its own: a
 * parent that nobody reported would tear the trace apart. (Section 3.4 wants tracestate unchanged then; the own member
 * says nothing about a position in the trace, so that the reason for that rule does not apply to it.)
 * Where there is none, one is written: with the ids of B3 where those came in, else for a new trace.
 */
export function traceparentCodec(
  context: CodecContext,
  options: { readonly sampleNewTraces: boolean },
): Codec {
  const bit = headerBit('traceparent');
  const carrier = CARRIER.traceparent;

  function start(carried: Carried): void {
    context.counters.tracesStarted += 1;
    context.ids.trace(carried.trace);
    context.ids.span(carried.span);
    if (carried.sampled < 0 && options.sampleNewTraces) carried.sampled = 1;
  }

  return {
    headers: ['traceparent'],
    read(headers, carried) {
      const bytes = headers.bytes(carrier);
      const from = headers.start(carrier);
      if (!isValid(bytes, from, headers.end(carrier))) {
        carried.flaws |= FLAWS.traceparent;
        context.counters.invalidTraceparents += 1;
        return;
      }
      carried.trace.copy(bytes, from + TRACE_AT, from + TRACE_END);
      carried.span.copy(bytes, from + SPAN_AT, from + SPAN_END);
      carried.sampled = hexDigit(bytes[from + FLAGS_AT + 1] as number) & 1;
      carried.traceSource = 'traceparent';
    },
    write(headers, carried, _classIndex, edits) {
      if (carried.traceSource === 'traceparent' && !carried.spanIsOurs) return false;
      if (headers.has(carrier)) edits.drop(bit);
      const started = carried.trace.length === 0;
      if (started) start(carried);
      edits.part(NAME);
      edits.id(carried.trace);
      edits.part(BETWEEN);
      edits.id(carried.span);
      edits.part(ENDS[(carried.sampled === 1 ? 1 : 0) + (started ? 2 : 0)] as Buffer);
      return false;
    },
  };
}
