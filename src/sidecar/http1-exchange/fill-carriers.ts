import type { CarrierHeaders } from '../../propagation/index.ts';
import { FIELD } from '../http1/index.ts';
import type { Http1Exchange } from './http1-exchange.ts';

const FIRST_CARRIER = FIELD.traceparent;

/** Copies the tracing and priority fields of a head. What Connection names ends here, so the next hop needs it anew. */
export function fillCarriers(exchange: Http1Exchange): void {
  const { lines, connection } = exchange.request;
  const { input } = exchange.caller.wire;
  const { carriers } = exchange;
  for (let index = 0; index < lines.count; index += 1) {
    const id = lines.id(index);
    if (id < FIRST_CARRIER || connection.removes(index)) continue;
    const value = input.bytes.toString(
      'latin1',
      input.start + lines.valueStart(index),
      input.start + lines.valueEnd(index),
    );
    setCarrier(carriers, id, value);
  }
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before},${value}`;
}

function setCarrier(carriers: CarrierHeaders, id: number, value: string): void {
  switch (id) {
    case FIELD.traceparent:
      carriers.traceparent = joined(carriers.traceparent, value);
      return;
    case FIELD.tracestate:
      carriers.tracestate = joined(carriers.tracestate, value);
      return;
    case FIELD.baggage:
      carriers.baggage = joined(carriers.baggage, value);
      return;
    case FIELD.b3:
      carriers.b3 = joined(carriers.b3, value);
      return;
    case FIELD['x-b3-traceid']:
      carriers.xB3TraceId = joined(carriers.xB3TraceId, value);
      return;
    case FIELD['x-b3-spanid']:
      carriers.xB3SpanId = joined(carriers.xB3SpanId, value);
      return;
    case FIELD['x-b3-parentspanid']:
      carriers.xB3ParentSpanId = joined(carriers.xB3ParentSpanId, value);
      return;
    case FIELD['x-b3-sampled']:
      carriers.xB3Sampled = joined(carriers.xB3Sampled, value);
      return;
    case FIELD['x-b3-flags']:
      carriers.xB3Flags = joined(carriers.xB3Flags, value);
      return;
    case FIELD['x-request-id']:
      carriers.xRequestId = joined(carriers.xRequestId, value);
      return;
    case FIELD.priority:
      carriers.priority = joined(carriers.priority, value);
      return;
  }
}
