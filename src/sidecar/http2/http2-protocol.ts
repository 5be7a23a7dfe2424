import type { Protocol } from '../protocol.ts';
import { PREFACE } from './protocol/index.ts';
import { Http2ServerConnection } from './server-connection.ts';

/** HTTP/2 with prior knowledge (RFC 9113 section 3.3): the connection begins with its preface. */
export const http2Protocol: Protocol = {
  name: 'http2',
  recognizes({ bytes, start, end }) {
    const count = Math.min(end - start, PREFACE.length);
    for (let at = 0; at < count; at += 1) if (bytes[start + at] !== PREFACE[at]) return 'no';
    return count === PREFACE.length ? 'yes' : 'more';
  },
  serve: (accepted) => new Http2ServerConnection(accepted),
};
