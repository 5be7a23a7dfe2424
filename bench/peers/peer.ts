import type { Address } from '../../src/config/index.ts';
import type { Wire } from '../loads/index.ts';
import type { ProcessGroup } from '../processes.ts';

/** What a peer is started with. */
export interface PeerContext {
  readonly processes: ProcessGroup;
  readonly wire: Wire;
  /** The server behind every peer, for this wire. */
  readonly upstream: Address;
  /** A folder for the peer's configuration, removed after the benchmark. */
  readonly folder: string;
  /** The core that a peer has to itself. */
  readonly core: number;
  /** How many connections it must be able to hold. */
  readonly connections: number;
  /** The port to listen on; a free one without it. */
  readonly port?: number;
}

/** A peer that serves. */
export interface RunningPeer {
  readonly address: Address;
  /** The processes whose processor time and memory are the peer's; none for the direct way. */
  readonly pids: readonly number[];
  /** When its process was started, by the system's clock; nothing where there is none, or several. */
  readonly spawnedMs?: number;
  end(): Promise<void>;
}

/** One row of the comparison: what stands between the load and the upstream. */
export interface Peer {
  readonly name: string;
  readonly title: string;
  /** What it can carry. */
  readonly wires: readonly Wire[];
  /** Whether it maps the `priority` header to the class that it stamps on; checked before anything is measured. */
  readonly classifies: boolean;
  /** Whether it stamps a class on; checked before anything is measured. Nobody does on `tcp`. */
  readonly stamps: boolean;
  /** @throws PriomeshError when it cannot serve here: the row is then left out, with the reason */
  start(context: PeerContext): Promise<RunningPeer>;
}
