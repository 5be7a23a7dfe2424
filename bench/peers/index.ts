import { direct } from './direct.ts';
import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';
import type { Peer } from './peer.ts';
import { chain, sidecar } from './sidecar.ts';

export type { Peer, RunningPeer } from './peer.ts';
export { startInbound } from './sidecar.ts';
export { startUpstream } from './upstream.ts';

/** The rows of the comparison, in the order in which each round measures them. */
export const PEERS: readonly Peer[] = [direct, haproxy, nginx, sidecar, chain];
