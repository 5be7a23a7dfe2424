import type { Stage } from '../../exchange.ts';
import { RequestTraffic, type TrafficContext } from '../request-traffic.ts';

/** Makes ready what deadlines, retries and the like keep of a request, and ends it with the request. */
export function beginTraffic(context: TrafficContext): Stage {
  return {
    name: 'begin-traffic',
    enter(exchange) {
      RequestTraffic.begin(exchange, context);
      return 'next';
    },
    leave(exchange) {
      exchange.traffic?.end();
    },
  };
}
