import type { Protocol } from '../protocol.ts';
import { CallerConnection } from './caller-connection.ts';

/** HTTP/1.1 and 1.0. It takes whatever comes, since it refuses in words what is none. */
export const http1Protocol: Protocol = {
  name: 'http1',
  recognizes: () => 'yes',
  serve: (accepted) => new CallerConnection(accepted),
};
