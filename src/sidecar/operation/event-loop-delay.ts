import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How late the event loop was, nanoseconds. */
export type EventLoopDelay = ReturnType<typeof monitorEventLoopDelay>;

const RESOLUTION_MS = 20;

/** Begins to measure; to be ended with `disable`. */
export function measureEventLoopDelay(): EventLoopDelay {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  return delay;
}
