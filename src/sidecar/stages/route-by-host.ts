import type { Stage } from '../exchange.ts';
import { hostNameEnd } from '../http1/index.ts';
import type { Upstream } from '../pools/index.ts';

/** Finds the upstream by the name in Host, without its port and in any letter case. */
export function routeByHost(upstreams: ReadonlyMap<string, Upstream>): Stage {
  return {
    name: 'route-by-host',
    enter(exchange) {
      // Already on its way to a queue.
      if (exchange.upstream !== undefined) return 'next';
      const { request } = exchange;
      if (request.hostLine < 0) return exchange.answer('NO_ROUTE');
      const { input } = exchange.caller.wire;
      const start = input.start + request.lines.valueStart(request.hostLine);
      const end = hostNameEnd(input.bytes, start, input.start + request.lines.valueEnd(request.hostLine));
      const name = input.bytes.toString('latin1', start, end);
      exchange.upstream = upstreams.get(name) ?? upstreams.get(name.toLowerCase());
      return exchange.upstream === undefined ? exchange.answer('NO_ROUTE') : 'next';
    },
  };
}
