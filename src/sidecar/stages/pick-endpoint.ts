import type { Exchange, Stage } from '../exchange.ts';

/** Answers that say that somebody behind could not be reached, and nothing of the request itself. */
function isGatewayError(status: number): boolean {
  return status >= 502 && status <= 504;
}

/** Says how an endpoint did, once it has answered. Who failed without an answer has been counted where that was seen. */
function observe(exchange: Exchange): void {
  const { endpoint, responseStatus, respondedMs, pickedMs, side } = exchange;
  if (endpoint === undefined || responseStatus === 0) return;
  // Where nobody has noted when the head of the response came, its end must do.
  const latencyMs =
    pickedMs < 0 ? -1 : (respondedMs < pickedMs ? side.clock.nowMs() : respondedMs) - pickedMs;
  if (isGatewayError(responseStatus)) endpoint.observed(latencyMs, 'gateway-error');
  else if (!exchange.active && exchange.outcome === 'completed') endpoint.observed(latencyMs, 'succeeded');
}

/** Chooses an endpoint of the upstream; a request that comes back because one could not be reached gets another. */
export function pickEndpoint(): Stage {
  return {
    name: 'pick-endpoint',
    enter(exchange) {
      const { upstream, classIndex } = exchange;
      const endpoint = upstream?.pick(exchange.tried, classIndex, exchange.balancingKey);
      if (endpoint === undefined) return exchange.answer('NO_ENDPOINT');
      if (upstream?.timed === true) exchange.pickedMs = exchange.side.clock.nowMs();
      endpoint.began(classIndex);
      exchange.endpoint = endpoint;
      return 'next';
    },
    leave(exchange) {
      const { endpoint, upstream, classIndex } = exchange;
      if (endpoint === undefined) return;
      observe(exchange);
      endpoint.ended(classIndex);
      upstream?.released(endpoint);
      exchange.endpoint = undefined;
    },
  };
}
