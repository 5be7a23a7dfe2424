import type { ControlClient } from '../control/index.ts';
import { NetworkReactions, type NetworkReactionsOptions } from './network-reactions.ts';

export type { NetworkReactions } from './network-reactions.ts';

/** Makes the reactions of a sidecar to what its control plane tells. They begin with `start`. */
export function networkReactions(
  control: ControlClient,
  options: Omit<NetworkReactionsOptions, 'listen'>,
): NetworkReactions {
  return new NetworkReactions({ ...options, listen: (events) => control.listen(events) });
}
