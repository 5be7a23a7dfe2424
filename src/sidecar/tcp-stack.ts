import type { ConnectionProfile, Transport } from '../transport/index.ts';
import type { Stage } from './exchange.ts';
import {
  countRequest,
  forward,
  markResponse,
  pickEndpoint,
  takeConnection,
  tellTap,
} from './stages/index.ts';
import type { TapPoint } from './tap/index.ts';
import { TcpExchange } from './tcp/index.ts';

/** What the stack of connections that are not read is made of. */
export interface TcpParts {
  /** How connections that others have opened are answered, by class; empty on the way out. */
  readonly profiles: readonly ConnectionProfile[];
  readonly transport: Transport;
  readonly tap: TapPoint | undefined;
}

/** The way of a connection that the sidecar does not read, in or out, from top to bottom. */
export function tcpStack({ profiles, transport, tap }: TcpParts) {
  // Where connecting failed, the connection returns to here.
  const retryAt = pickEndpoint();

  const stages: readonly Stage[] = [
    ...(tap === undefined ? [] : [tellTap(tap)]),
    // The port says the class, or the name in a TLS handshake.
    takePortRoute,
    countRequest(),
    ...(profiles.length === 0 ? [] : [markResponse(profiles, transport)]),
    retryAt,
    takeConnection(),
    forward(),
  ];
  return { stages, retryStage: stages.indexOf(retryAt) };
}

const takePortRoute: Stage = {
  name: 'take-port-route',
  enter(exchange) {
    const route = exchange instanceof TcpExchange ? exchange.route : undefined;
    if (route === undefined) return exchange.answer('NO_ROUTE');
    exchange.decided(route.classIndex, route.reason);
    exchange.upstream = route.upstream;
    return 'next';
  },
};
