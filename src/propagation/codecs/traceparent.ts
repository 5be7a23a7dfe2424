import type { Codec, CodecContext } from '../codec.ts';
import { headerBit } from '../edits.ts';
import { hexDigit, isNonZeroHex } from '../hex.ts';
import { TRACEPARENT_MAX_CHARACTERS } from '../limits.ts';
import { type Carried, FLAWS } from '../types.ts';

/** The length of a traceparent of version 00; those of later versions are at least as long. */
const VERSION_00_CHARACTERS = 55;

const DASH = 0x2d;

/**
 * Whether a traceparent is valid: W3C Trace Context section 3.2.2 for version 00, section 3.2.4 for later ones, of which
 * only the parts known from version 00 are looked at.
 */
function isValid(text: string): boolean {
  if (text.length < VERSION_00_CHARACTERS || text.length > TRACEPARENT_MAX_CHARACTERS) return false;
  const high = hexDigit(text, 0);
  const low = hexDigit(text, 1);
  if (high < 0 || low < 0 || (high === 15 && low === 15)) return false;
  if (text.charCodeAt(2) !== DASH || text.charCodeAt(35) !== DASH || text.charCodeAt(52) !== DASH)
    return false;
  if (!isNonZeroHex(text, 3, 32) || !isNonZeroHex(text, 36, 16)) return false;
  if (hexDigit(text, 53) < 0 || hexDigit(text, 54) < 0) return false;
  if (text.length === VERSION_00_CHARACTERS) return true;
  return high + low > 0 && text.charCodeAt(VERSION_00_CHARACTERS) === DASH;
}

/**
 * W3C `traceparent`. A valid one is passed on unchanged, its parent-id too: a sidecar reports no spans of its own, and a
 * parent that nobody reported would tear the trace apart. (Section 3.4 wants tracestate unchanged then; the own member
 * says nothing about a position in the trace, so that the reason for that rule does not apply to it.)
 * Where there is none, one is written: with the ids of B3 where those came in, else for a new trace.
 */
export function traceparentCodec(
  context: CodecContext,
  options: { readonly sampleNewTraces: boolean },
): Codec {
  const bit = headerBit('traceparent');

  function start(carried: Carried): void {
    context.counters.tracesStarted += 1;
    carried.traceId = context.ids.traceId();
    carried.spanId = context.ids.spanId();
    if (carried.sampled < 0 && options.sampleNewTraces) carried.sampled = 1;
  }

  return {
    headers: ['traceparent'],
    read(headers, carried) {
      const text = headers.traceparent;
      if (text === undefined) return;
      if (!isValid(text)) {
        carried.flaws |= FLAWS.traceparent;
        context.counters.invalidTraceparents += 1;
        return;
      }
      carried.traceId = text.slice(3, 35);
      carried.spanId = text.slice(36, 52);
      carried.sampled = hexDigit(text, 54) & 1;
      carried.traceSource = 'traceparent';
    },
    write(headers, carried, _classIndex, edits) {
      if (carried.traceSource === 'traceparent') return false;
      if (headers.traceparent !== undefined) edits.drop(bit);
      const started = carried.traceId === '';
      if (started) start(carried);
      // The random flag of level 2 (section 3.2.2.5.2) is set only where the ids were drawn here.
      const flags = (carried.sampled === 1 ? 1 : 0) + (started ? 2 : 0);
      edits.lines(`traceparent: 00-${carried.traceId}-${carried.spanId}-0${flags}\r\n`);
      return false;
    },
  };
}
