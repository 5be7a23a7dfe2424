import type { Stage } from '../exchange.ts';
import type { Upstream } from '../pools/index.ts';

/** Finds the upstream by the name in Host, without its port and in any letter case. */
export function routeByHost(upstreams: ReadonlyMap<string, Upstream>): Stage {
  return {
    name: 'route-by-host',
    enter(exchange) {
      // Already on its way to a queue.
      if (exchange.upstream !== undefined) return 'next';
      const name = exchange.hostName();
      exchange.upstream = upstreams.get(name) ?? upstreams.get(name.toLowerCase());
      return exchange.upstream === undefined ? exchange.answer('NO_ROUTE') : 'next';
    },
  };
}
