import type { Codec, CodecContext } from '../codec.ts';
import { b3MultiCodec } from './b3-multi.ts';
import { b3SingleCodec } from './b3-single.ts';
import { baggageCodec } from './baggage.ts';
import { requestIdCodec } from './request-id.ts';
import { rfc9218Codec } from './rfc9218.ts';
import { traceparentCodec } from './traceparent.ts';
import { tracestateCodec } from './tracestate.ts';

/** How the codecs may be set. */
export interface CodecOptions {
  /** Which B3 headers a trace that starts here gets beside its traceparent. */
  readonly startB3: 'none' | 'single' | 'multi';
  /** Whether the class is written into `priority`, too. */
  readonly writePriority: boolean;
  /** Whether a trace that starts here, and that nobody has decided about, is marked as sampled. */
  readonly sampleNewTraces: boolean;
}

/**
 * The list of codecs. A new one is a file of its own and a line here. They run in this order: traceparent goes before
 * tracestate, whose validity hangs on it, and before B3, which only fills the gap that it leaves.
 */
export function createCodecs(context: CodecContext, options: CodecOptions): readonly Codec[] {
  return [
    traceparentCodec(context, options),
    tracestateCodec(context),
    baggageCodec(context),
    b3SingleCodec(context, options.startB3 === 'single'),
    b3MultiCodec(context, options.startB3 === 'multi'),
    rfc9218Codec(context, options.writePriority),
    requestIdCodec(context),
  ];
}
