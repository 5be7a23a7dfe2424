import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { abortError, type Clock } from '../core/index.ts';

/** What the pacing thread is told when a schedule starts. */
export interface PacerTask {
  /** Ascending, milliseconds from the origin. */
  readonly intendedMs: Float64Array<SharedArrayBuffer>;
  /** The instant of the schedule's zero, CLOCK_MONOTONIC in milliseconds. */
  readonly originMs: number;
}

/** Calls back when each instant of a schedule has come. */
export interface Pacer {
  /** Calls `onDue` with each index in order, at or after its instant; resolves after the last. Rejects with ABORTED when the signal fires. To be called once. */
  run(task: PacerTask, onDue: (index: number) => void, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a pacer whose waiting is done by a thread in Atomics.wait, which sleeps with the kernel's precision; timers of an event loop
 * have a grain of 1 ms, and polling to refine them burns a core at high rates.
 */
export async function openPacer(clock: Clock): Promise<Pacer> {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL(`./pacer-thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: stop,
  });
  await once(worker, 'message');
  return {
    async run(task, onDue, signal) {
      const { intendedMs, originMs } = task;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const abort = () => reject(abortError(signal));
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      worker.once('error', reject);
      let next = 0;
      worker.on('message', () => {
        while (next < intendedMs.length && originMs + (intendedMs[next] ?? 0) <= clock.nowMs()) {
          onDue(next);
          next += 1;
        }
        if (next === intendedMs.length) resolve();
      });
      if (intendedMs.length === 0) resolve();
      worker.postMessage(task);
      try {
        await promise;
      } finally {
        signal.removeEventListener('abort', abort);
        worker.removeAllListeners('message');
      }
    },
    async close() {
      Atomics.store(stop, 0, 1);
      Atomics.notify(stop, 0);
      await worker.terminate();
    },
  };
}
