import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../core/index.ts';
import { PACER_CONTROL, type PacerData } from './pacer.ts';

const { intendedMs, control, origin } = workerData as PacerData;

/** Sleeps until each instant and then wakes the owner; instants that have passed meanwhile share one wake-up. */
function pace(wake: () => void): void {
  wake();
  Atomics.wait(control, PACER_CONTROL.start, 0);
  const originMs = origin[0] ?? 0;
  let next = 0;
  while (next < intendedMs.length) {
    const waitMs = originMs + (intendedMs[next] ?? 0) - systemClock.nowMs();
    if (waitMs > 0) Atomics.wait(control, PACER_CONTROL.stop, 0, waitMs);
    if (Atomics.load(control, PACER_CONTROL.stop) === 1) return;
    const now = systemClock.nowMs();
    const before = next;
    while (next < intendedMs.length && originMs + (intendedMs[next] ?? 0) <= now) next += 1;
    if (next > before) wake();
  }
}

pace(() => parentPort?.postMessage(null));
