export { LinkCounters } from './counters.ts';
export { LinkPeer, LinkPool } from './link-pool.ts';
export { linkProtocol } from './protocol.ts';
