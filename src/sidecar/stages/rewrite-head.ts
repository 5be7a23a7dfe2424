import type { Propagation } from '../../propagation/index.ts';
import type { Stage } from '../exchange.ts';

/**
 * Turns the head into the one that is forwarded: hop-by-hop fields go, the class and the trace are stamped on, and what the route changes
 * is changed. After this stage the facts of the request hold no longer.
 */
export function rewriteHead(propagation: Propagation): Stage {
  return {
    name: 'rewrite-head',
    enter(exchange) {
      exchange.rewriteHead(
        propagation.inject(exchange.carriers, exchange.carried, exchange.classIndex),
        exchange.changes,
      );
      return 'next';
    },
  };
}
