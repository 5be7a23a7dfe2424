import { FIELD } from '../http1/index.ts';
import type { Http1Exchange } from './http1-exchange.ts';

const FIRST_CARRIER = FIELD.traceparent;
/** Bit n set: field n is a carrier; their numbers are the last ones. */
const CARRIERS = -1 << FIRST_CARRIER;

/** Notes where the tracing and priority fields of a head stand. What Connection names ends here, so the next hop needs it anew. */
export function fillCarriers(exchange: Http1Exchange): void {
  const { lines, connection } = exchange.request;
  if ((lines.known & CARRIERS) === 0) return;
  const { start, bytes } = exchange.caller.wire.input;
  for (let index = 0; index < lines.count; index += 1) {
    const id = lines.id(index);
    if (id < FIRST_CARRIER || connection.removes(index)) continue;
    exchange.carriers.add(
      id - FIRST_CARRIER,
      bytes,
      start + lines.valueStart(index),
      start + lines.valueEnd(index),
    );
  }
}
