import type { Policy } from '../../core/index.ts';
import type { RequestQueueSettings } from './request-queue.ts';

/** The queue of a policy; with the layer off the same places and the same capacity, without regard to class. */
export function queueSettings(policy: Policy, layerOn: boolean): RequestQueueSettings {
  const { mode, concurrency, capacity, starvationMs } = policy.queue;
  return {
    mode: layerOn ? mode : 'fifo',
    concurrency,
    capacity,
    starvationMs,
    classes: policy.classes.map(({ queue }) => ({
      weight: queue.weight,
      deadlineMs: queue.deadlineMs,
      maxRunning: Math.max(1, Math.floor((concurrency * queue.maxSharePercent) / 100)),
    })),
  };
}
