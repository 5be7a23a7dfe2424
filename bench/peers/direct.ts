import type { Peer } from './peer.ts';

/** No proxy: what load and upstream take by themselves. */
export const direct: Peer = {
  name: 'direct',
  title: 'no proxy',
  classifies: false,
  stamps: false,
  start: async ({ upstream }) => ({ address: upstream, pids: [] }),
};
