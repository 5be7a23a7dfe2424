import type { Exchange, Stage } from '../exchange.ts';
import type { ConnectionPool } from '../pools/index.ts';

function poolOf(exchange: Exchange): ConnectionPool | undefined {
  return exchange.endpoint?.pools[exchange.classIndex];
}

/** Takes a connection from the pool of the request's class and endpoint, and gives it back when the response is over. */
export function takeConnection(): Stage {
  return {
    name: 'take-connection',
    enter(exchange) {
      const taken = poolOf(exchange)?.acquire(exchange, exchange.wantsFreshConnection);
      if (taken === 'full') return exchange.answer('POOL_FULL');
      if (taken === undefined) return 'wait';
      exchange.connection = taken;
      return 'next';
    },
    leave(exchange) {
      const pool = poolOf(exchange);
      const { connection } = exchange;
      exchange.connection = undefined;
      if (connection === undefined) pool?.cancel(exchange);
      else if (exchange.connectionReusable && connection.wire.flushed) pool?.release(connection);
      else pool?.discard(connection);
    },
  };
}
