import type { Stage } from '../exchange.ts';

/** Takes a connection of the request's class to the endpoint, and gives it back when the response is over. */
export function takeConnection(): Stage {
  return {
    name: 'take-connection',
    enter: (exchange) => exchange.takeConnection(),
    leave: (exchange) => exchange.giveConnectionBack(),
  };
}
