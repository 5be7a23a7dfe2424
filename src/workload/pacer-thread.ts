import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../core/index.ts';
import type { PacerTask } from './pacer.ts';

const stop = workerData as Int32Array<SharedArrayBuffer>;

/** Sleeps until each instant and then wakes the owner; instants that have passed meanwhile share one wake-up. */
function pace({ intendedMs, originMs }: PacerTask, wake: () => void): void {
  let next = 0;
  while (next < intendedMs.length) {
    const waitMs = originMs + (intendedMs[next] ?? 0) - systemClock.nowMs();
    if (waitMs > 0) Atomics.wait(stop, 0, 0, waitMs);
    if (Atomics.load(stop, 0) === 1) return;
    const nowMs = systemClock.nowMs();
    const before = next;
    while (next < intendedMs.length && originMs + (intendedMs[next] ?? 0) <= nowMs) next += 1;
    if (next > before) wake();
  }
}

const wake = () => parentPort?.postMessage(null);
parentPort?.once('message', (task: PacerTask) => pace(task, wake));
wake();
