import type { Stage } from '../exchange.ts';

/** Chooses an endpoint of the upstream; a request that comes back because one could not be reached gets another. */
export function pickEndpoint(): Stage {
  return {
    name: 'pick-endpoint',
    enter(exchange) {
      const endpoint = exchange.upstream?.pick(exchange.tried, exchange.classIndex);
      if (endpoint === undefined) return exchange.answer('NO_ENDPOINT');
      endpoint.inFlight += 1;
      exchange.endpoint = endpoint;
      return 'next';
    },
    leave(exchange) {
      if (exchange.endpoint !== undefined) exchange.endpoint.inFlight -= 1;
      exchange.endpoint = undefined;
    },
  };
}
