import type { ProvenanceTable } from '../../propagation/index.ts';
import type { Stage } from '../exchange.ts';

/** Remembers class and deadline of a request while it is inside, so that the calls which it causes find it. */
export function registerProvenance(table: ProvenanceTable): Stage {
  return {
    name: 'register-provenance',
    enter(exchange) {
      const { trace, request } = exchange.carried;
      table.register(trace, request, exchange.classIndex, exchange.arrivedMs, exchange.deadlineMs);
      return 'next';
    },
    leave(exchange) {
      const { trace, request } = exchange.carried;
      table.release(trace, request, exchange.classIndex);
    },
  };
}
