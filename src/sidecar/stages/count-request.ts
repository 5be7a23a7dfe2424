import type { Stage } from '../exchange.ts';

/** Counts the request for its class while it is under way. */
export function countRequest(): Stage {
  return {
    name: 'count-request',
    enter({ counters }) {
      if (counters !== undefined) {
        counters.requests += 1;
        counters.inFlight += 1;
      }
      return 'next';
    },
    leave(exchange) {
      const { counters } = exchange;
      if (counters === undefined) return;
      counters.inFlight -= 1;
      if (exchange.outcome !== 'completed') return;
      // The clock is not read again where the whole response came with its head.
      const { respondedMs, responseContinued, side } = exchange;
      const endMs = responseContinued || respondedMs < 0 ? side.clock.nowMs() : respondedMs;
      counters.durationUs.record((endMs - exchange.arrivedMs) * 1000);
    },
  };
}
