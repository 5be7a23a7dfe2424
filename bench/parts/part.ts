import type { ProcessGroup } from '../processes.ts';
import type { Settings } from '../settings.ts';
import type { Figure } from '../summary.ts';
import type { TableShape } from '../table.ts';
import type { Upstreams } from '../upstreams/index.ts';

/** What a part measures with. */
export interface PartContext {
  readonly processes: ProcessGroup;
  readonly upstreams: Upstreams;
  /** A folder of the part's own, removed after the benchmark. */
  readonly folder: string;
  readonly settings: Settings;
  /** Is told in short lines what is being done. */
  readonly progress: (text: string) => void;
}

/** A row that was not measured, and why. */
export interface Skip {
  readonly part: string;
  readonly what: string;
  readonly row: string;
  readonly reason: string;
}

/** What came of a part. */
export interface PartResult {
  readonly figures: readonly Figure[];
  readonly skipped: readonly Skip[];
  readonly tables: readonly TableShape[];
}
