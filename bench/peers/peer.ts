import type { Address } from '../../src/config/index.ts';
import type { ProcessGroup } from '../processes.ts';

/** What a peer is started with. */
interface PeerContext {
  readonly processes: ProcessGroup;
  /** The server behind every peer. */
  readonly upstream: Address;
  /** A folder for the peer's configuration, removed after the benchmark. */
  readonly folder: string;
  /** The core that a peer has to itself. */
  readonly core: number;
}

/** A peer that serves. */
export interface RunningPeer {
  readonly address: Address;
  /** The processes whose processor time and memory are the peer's; none for the direct way. */
  readonly pids: readonly number[];
}

/** One row of the comparison: what stands between the load and the upstream. */
export interface Peer {
  readonly name: string;
  readonly title: string;
  /** Whether it maps the `priority` header to the class that it stamps on; checked before anything is measured. */
  readonly classifies: boolean;
  /** Whether it stamps a class on; checked before anything is measured. */
  readonly stamps: boolean;
  start(context: PeerContext): Promise<RunningPeer>;
}
