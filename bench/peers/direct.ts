import type { Peer } from './peer.ts';

/** No proxy: what load and upstream take by themselves. */
export const direct: Peer = {
  name: 'direct',
  title: 'no proxy',
  wires: ['http1', 'http2', 'grpc', 'tcp'],
  classifies: false,
  stamps: false,
  start: async ({ upstream }) => ({ address: upstream, pids: [], end: async () => {} }),
};
