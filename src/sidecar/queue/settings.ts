import {
  type AdaptiveConcurrency,
  initialConcurrency,
  type Policy,
  type Shedding,
} from '../../core/index.ts';
import type { OverloadSettings } from './overload.ts';

/** How one class is treated. */
interface QueueClass {
  /** Share of the turns in weighted mode, a positive integer. */
  readonly weight: number;
  /** The most of the concurrency limit that the class may hold, in percent. */
  readonly maxSharePercent: number;
  /** A request that has waited this long is not started any more; Infinity for none. */
  readonly deadlineMs: number;
}

/** How a queue chooses. `fifo`: one line for all classes; their weights and shares mean nothing. */
export interface RequestQueueSettings {
  readonly mode: 'strict' | 'weighted' | 'fifo';
  /** Where an adaptive limit begins. */
  readonly concurrency: number;
  readonly capacity: number;
  readonly starvationMs: number;
  readonly shedding: Shedding;
  /** By class index, the most important first. */
  readonly classes: readonly QueueClass[];
}

/** How requests are admitted: the queue, and what governs it. */
export interface AdmissionSettings extends RequestQueueSettings {
  /** Absent where the limit is a number. */
  readonly adaptive?: AdaptiveConcurrency;
  /** Absent where nobody is turned away because the queue is slow. */
  readonly overload?: OverloadSettings;
}

/** The queue of a policy; with the layer off the same places and the same capacity, without regard to class, and nobody is turned away before it is full. */
export function queueSettings(policy: Policy, layerOn: boolean): AdmissionSettings {
  const { mode, concurrency, capacity, starvationMs, targetDelayMs } = policy.queue;
  const shedding = layerOn ? (policy.queue.shedding ?? 'priority') : 'none';
  return {
    mode: layerOn ? mode : 'fifo',
    concurrency: initialConcurrency(policy.queue),
    capacity,
    starvationMs,
    shedding,
    classes: policy.classes.map(({ queue: { weight, deadlineMs, maxSharePercent } }) => ({
      weight,
      deadlineMs,
      maxSharePercent,
    })),
    ...(layerOn && typeof concurrency !== 'number' ? { adaptive: concurrency } : {}),
    ...(targetDelayMs === undefined || shedding === 'none' ? {} : { overload: { targetDelayMs, shedding } }),
  };
}
