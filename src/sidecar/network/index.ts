import { openControlStream } from '../control/index.ts';
import { NetworkReactions, type NetworkReactionsOptions } from './network-reactions.ts';

export type { NetworkReactions } from './network-reactions.ts';

/** Makes the reactions of a sidecar. They begin with `start`. */
export function networkReactions(options: Omit<NetworkReactionsOptions, 'open'>): NetworkReactions {
  return new NetworkReactions({ ...options, open: openControlStream });
}
