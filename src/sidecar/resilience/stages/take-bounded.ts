import type { Exchange, Stage } from '../../exchange.ts';
import type { TrafficCounters } from '../counters.ts';

/** The request waits no more. */
export function endPending({ traffic }: Exchange): void {
  if (traffic?.pendingHeld !== true) return;
  traffic.pendingHeld = false;
  if (traffic.circuit !== undefined) traffic.circuit.pending -= 1;
}

/** Takes a connection as `take` does, but turns away who would wait where as many of the class wait as may. */
export function takeBounded(take: Stage, counters: TrafficCounters): Stage {
  return {
    name: take.name,
    enter(exchange) {
      const step = take.enter(exchange);
      const { traffic } = exchange;
      const circuit = traffic?.circuit;
      if (step !== 'wait' || traffic === undefined || circuit === undefined) return step;
      circuit.pending += 1;
      traffic.pendingHeld = true;
      if (!circuit.pendingOver) return step;
      counters.count('CIRCUIT_PENDING', traffic.service?.name ?? '', exchange.classIndex);
      return exchange.answer('CIRCUIT_PENDING');
    },
    leave(exchange) {
      endPending(exchange);
      take.leave?.(exchange);
    },
  };
}
