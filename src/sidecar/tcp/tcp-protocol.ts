import type { LiveSide } from '../exchange.ts';
import { CR, LF, SP, TOKEN } from '../http1/index.ts';
import type { InputBuffer } from '../io/index.ts';
import type { Protocol } from '../protocol.ts';
import type { PortRoutes } from './port-routes.ts';
import { TcpConnection } from './tcp-connection.ts';

/** No registered method of HTTP is longer. */
const MAX_METHOD_BYTES = 32;

/** Takes every connection of a port of its own. */
export function tcpProtocol(routes: PortRoutes): Protocol {
  return {
    name: 'tcp',
    // The server may be the one that speaks first.
    atOnce: !routes.needsName,
    recognizes: () => 'yes',
    serve: (accepted) => new TcpConnection(accepted, routes),
  };
}

/**
 * Takes the connections of a port of HTTP that do not begin as HTTP does: with a word and a space.
 * @param live the stack that they go through
 */
export function opaqueProtocol(routes: PortRoutes, live: LiveSide): Protocol {
  return {
    name: 'opaque',
    recognizes: beginsOtherwise,
    serve: (accepted) => new TcpConnection({ ...accepted, live }, routes),
  };
}

function beginsOtherwise({ bytes, start, end }: InputBuffer): 'yes' | 'no' | 'more' {
  // An empty line may stand in front of a request (RFC 9112 section 2.2).
  if (bytes[start] === CR || bytes[start] === LF) return 'no';
  let at = start;
  while (at < end && TOKEN[bytes[at] as number] === 1) at += 1;
  if (at - start > MAX_METHOD_BYTES) return 'yes';
  if (at === end) return 'more';
  return bytes[at] === SP && at > start ? 'no' : 'yes';
}
