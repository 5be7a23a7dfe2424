/** One request as the generator recorded it. Times are milliseconds since the start of the generator's schedule. */
export interface RequestRecord {
  readonly className: string;
  readonly workload: string;
  readonly phase: 'warmup' | 'measure';
  /** When the open-loop schedule wanted it sent: latency counts from here. */
  readonly intendedMs: number;
  readonly sentMs: number | undefined;
  readonly endMs: number | undefined;
  /** HTTP status; undefined when no response head came. */
  readonly status: number | undefined;
  /** Response-body bytes received. */
  readonly bytes: number;
  /** Empty when the whole response came. */
  readonly error: string;
  /** Sent later than the schedule allows. */
  readonly late: boolean;
  /** How long it waited in a message queue before a worker began with it, as its response says; undefined when it says nothing. */
  readonly queueWaitMs?: number | undefined;
}

/** Response-body bytes of one class received in one bin of time. */
export interface ThroughputBin {
  /** Start of the bin, milliseconds since the start of the schedule. */
  readonly startMs: number;
  readonly className: string;
  readonly bytes: number;
}

/** What a message queue held at one moment. */
export interface QueueSample {
  /** Milliseconds since the start of the schedule. */
  readonly timeMs: number;
  readonly queue: string;
  /** Messages that wait in the broker, by their AMQP priority (larger is more important). */
  readonly ready: Readonly<Record<string, number>>;
  /** Messages that were delivered and are not acknowledged. */
  readonly unacked: number;
}

/** A time in which something is different (cross traffic flows, the load is higher), `[startMs, endMs)`, milliseconds since the start of the schedule. */
export interface Episode {
  readonly startMs: number;
  readonly endMs: number;
}

/** A class became congested on a directed link, or calm again. */
export interface HintEvent {
  /** Milliseconds since the start of the schedule. */
  readonly timeMs: number;
  readonly link: string;
  readonly className: string;
  readonly congested: boolean;
}

/** A class went from one path to another. */
export interface MoveEvent {
  /** Milliseconds since the start of the schedule. */
  readonly timeMs: number;
  readonly className: string;
  /** Who moved it: the name of a sidecar, or `controller`. */
  readonly decider: string;
  /** Towards which host; empty for all. */
  readonly peer: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

/** What was told of the network in a trial, and what was done about it. */
export interface NetworkEvents {
  readonly hints: readonly HintEvent[];
  readonly moves: readonly MoveEvent[];
}

/** A trial that passed its audit. Trials of the same block had the same arrivals, so arms are compared block by block. */
export interface Trial {
  readonly arm: string;
  readonly block: number;
  readonly requests: readonly RequestRecord[];
  readonly throughput: readonly ThroughputBin[];
  /** In the order of time; none where there is no message broker. */
  readonly queueSamples?: readonly QueueSample[];
  /** In the order of time; absent where nobody told of the network. */
  readonly networkEvents?: NetworkEvents | undefined;
}

/** The part of the schedule that counts, `[startMs, endMs)`. */
export interface MeasuringWindow {
  readonly startMs: number;
  readonly endMs: number;
  /** When the drain ended: what was still on its way was cut off. */
  readonly cutOffMs: number;
}

/** What a class promises each of its requests. */
export interface RequestObjective {
  readonly latencyMs?: number | undefined;
  readonly goodputBps?: number | undefined;
}
