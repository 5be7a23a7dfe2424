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
    leave({ counters }) {
      if (counters !== undefined) counters.inFlight -= 1;
    },
  };
}
