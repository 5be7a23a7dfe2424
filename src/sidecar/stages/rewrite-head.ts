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
      const edits = propagation.inject(exchange.carriers, exchange.carried, exchange.classIndex);
      // Something else stands from now on where they stood, and their memory is kept by nobody else.
      exchange.carriers.clear();
      exchange.rewriteHead(edits, exchange.changes);
      return 'next';
    },
  };
}
