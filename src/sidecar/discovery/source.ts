import type { Clock, Logger, Random } from '../../core/index.ts';
import type { ControlClient } from '../control/index.ts';
import type { FoundEndpoint } from '../pools/index.ts';

/** What every source gets. */
export interface SourceContext {
  /** The upstream, for people. */
  readonly upstream: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly control: ControlClient | undefined;
  /** These serve the upstream from now on. What is bad or missing is never told: then the last ones stay. */
  found(endpoints: readonly FoundEndpoint[]): void;
}

/** Somewhere endpoints come from; it looks until it is closed. */
export interface Source {
  /** What it has counted. */
  statistics(): Readonly<Record<string, unknown>>;
  /** Ends it and waits until nothing of it runs. */
  close(): Promise<void>;
}
