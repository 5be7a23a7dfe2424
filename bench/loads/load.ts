import type { Address } from '../../src/config/index.ts';
import type { ProcessGroup } from '../processes.ts';
import type { PartName } from '../settings.ts';

/** What is spoken on both sides of a peer. */
export type Wire = 'http1' | 'http2' | 'grpc' | 'tcp';

/** How hard a closed loop pulls. */
export interface Pull {
  readonly target: Address;
  readonly connections: number;
  /** Whole seconds. */
  readonly seconds: number;
  readonly core: number;
  /** A folder for what the generator wants to read. */
  readonly folder: string;
}

/** What a closed loop says of itself. */
export interface LoadResult {
  readonly requests: number;
  readonly durationMs: number;
  /** Responses without success, and requests that failed on their connection. */
  readonly errors: number;
}

/** One kind of load: as many requests as its connections carry, one after the other on each. */
export interface Load {
  readonly name: string;
  readonly title: string;
  readonly wire: Wire;
  /** Where it is measured. */
  readonly parts: readonly PartName[];
  /** Whether `--quick` measures it too. */
  readonly quick: boolean;
  /** Fixed numbers of connections, where those that were chosen do not apply. */
  readonly connections?: readonly number[];
  /** The path that an open loop asks for over this wire; without it latency is not measured. */
  readonly openLoopPath?: string;
  run(processes: ProcessGroup, pull: Pull): Promise<LoadResult>;
}
