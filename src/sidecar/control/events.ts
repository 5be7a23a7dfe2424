import type { Hint, NetworkPath } from '../../core/index.ts';
import type { RegistryEndpoint } from './registry-view.ts';

/** What the control plane tells. None of them may throw. */
export interface ControlEvents {
  /** Every way to every peer, by the address of the peer's host; the first is the default. Replaces what was told before. */
  paths(peers: ReadonlyMap<string, readonly NetworkPath[]>): void;
  /** Hints about links of these paths; their time to live counts from now. */
  hints(hints: readonly Hint[]): void;
  /**
   * All endpoints of all services. Replaces what was told before.
   * @param whole the control plane has told everything anew: after its own start it may not know yet what it does not name
   */
  registry(endpoints: readonly RegistryEndpoint[], whole: boolean): void;
  /** The control plane is gone: what it has told is not renewed any more. Comes once for each stream that had brought something. */
  lost(): void;
}
