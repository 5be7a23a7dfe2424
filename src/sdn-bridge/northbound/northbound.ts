import type { Topology } from '../../control-protocol/index.ts';

/** Counters of one link since its switch started. */
export interface LinkCounters {
  readonly id: string;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txDropped: number;
  /** By DSCP value, where the controller counts them. Bytes of frames. */
  readonly marks: ReadonlyMap<number, { readonly bytes: number; readonly packets: number }>;
}

/** One reading of the counters of all links. */
export interface Statistics {
  readonly epoch: number;
  /** When the counters were read, milliseconds of a clock of the source's own that never goes back. */
  readonly timeMs: number;
  readonly links: readonly LinkCounters[];
}

/** Which packets are steered where. */
export interface Routes {
  /** DSCP value to path id. */
  readonly marks: ReadonlyMap<number, string>;
}

/** Where a {@link Northbound} says what it learns. Called in order; never throws. */
export interface NorthboundEvents {
  /** The controller answers, for the first time or again. */
  found(): void;
  /** It does not any more; said once for each loss, and once if it was never there. */
  lost(reason: string): void;
  topology(topology: Topology): void;
  statistics(statistics: Statistics): void;
  routes(routes: Routes): void;
}

/** A client of one kind of SDN controller. */
export interface Northbound {
  readonly name: string;
  /** Follows the controller until the signal fires, through every loss of it; then resolves. Never rejects. */
  run(events: NorthboundEvents, signal: AbortSignal): Promise<void>;
  /** Makes all packets with a DSCP value take a path, both ways. Resolves when they do; rejects with NORTHBOUND_FAILED. */
  moveClass(dscp: number, path: string): Promise<void>;
  /** Takes that back: they take the default path. */
  unmoveClass(dscp: number): Promise<void>;
}
