/** Counters of one queue, cumulative, and what waits in it now. Bytes are those of frames. */
export interface QueueCounters {
  readonly bytes: number;
  readonly packets: number;
  readonly drops: number;
  readonly backlogBytes: number;
}

/** What stands before a link at an instant. */
export interface QueueSample {
  /** Milliseconds of the monotonic clock. */
  readonly timeMs: number;
  /** All that leaves by the port. */
  readonly total: QueueCounters;
  /** By class index; empty where all classes share one queue. A class whose queue is not there is absent. */
  readonly classes: readonly (QueueCounters | undefined)[];
}

/** What a switch has counted at the port of a link. */
export interface SwitchSample {
  /** Milliseconds of the source's clock; only differences are used. */
  readonly timeMs: number;
  readonly bytes: number;
  readonly packets: number;
  readonly drops: number;
  /** Bytes by class index; absent where the controller does not count them. */
  readonly classBytes: readonly (number | undefined)[];
}
