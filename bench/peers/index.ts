import type { PartName } from '../settings.ts';
import { direct } from './direct.ts';
import { haproxy, haproxyChain } from './haproxy.ts';
import { LAYER_PEERS } from './layers.ts';
import { nghttpx } from './nghttpx.ts';
import { nginx } from './nginx.ts';
import type { Peer } from './peer.ts';
import { sidecar, sidecarChain, unlinkedChain } from './sidecar.ts';

export { nginxConfiguration } from './nginx.ts';
export type { Peer, PeerContext, RunningPeer } from './peer.ts';
export { startInbound } from './sidecar.ts';
export { EVERYTHING } from './sidecar-process.ts';

/** One proxy between the load and the upstream, in the order in which each round measures them. */
const SINGLE: readonly Peer[] = [direct, haproxy, nginx, nghttpx, sidecar];

/** Two proxies one after the other. */
const CHAINS: readonly Peer[] = [direct, haproxyChain, sidecarChain, unlinkedChain];

/** The rows of a part. */
export function peersOf(part: PartName): readonly Peer[] {
  switch (part) {
    case 'chain':
      return CHAINS;
    case 'layers':
      return LAYER_PEERS;
    case 'memory':
      return [...SINGLE.slice(1), haproxyChain, sidecarChain];
    case 'start':
      return SINGLE.slice(1);
    default:
      return SINGLE;
  }
}
