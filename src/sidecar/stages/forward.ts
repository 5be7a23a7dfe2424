import type { Stage } from '../exchange.ts';

/** Puts the request on the wire. */
export function forward(): Stage {
  return {
    name: 'forward',
    enter(exchange) {
      exchange.forward();
      return 'wait';
    },
  };
}
