import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { abortError, type Clock } from '../core/index.ts';

/** Positions in the words that the pacing thread and its owner share. */
export const PACER_CONTROL = { start: 0, stop: 1 } as const;

/** What the pacing thread is given. */
export interface PacerData {
  readonly intendedMs: Float64Array<SharedArrayBuffer>;
  readonly control: Int32Array<SharedArrayBuffer>;
  /** One number: the instant of the schedule's zero, CLOCK_MONOTONIC in milliseconds. */
  readonly origin: Float64Array<SharedArrayBuffer>;
}

/** Calls back when each instant of a schedule has come. */
export interface Pacer {
  /** Calls `onDue` with each index in order, at or after its instant; resolves after the last. */
  run(originMs: number, onDue: (index: number) => void): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a pacer whose waiting is done by a thread in Atomics.wait, which sleeps with the kernel's precision; timers of an event loop
 * have a grain of 1 ms, and polling to refine them burns a core at high rates.
 */
export async function openPacer(
  intendedMs: Float64Array<SharedArrayBuffer>,
  clock: Clock,
  signal: AbortSignal,
): Promise<Pacer> {
  const control = new Int32Array(new SharedArrayBuffer(8));
  const origin = new Float64Array(new SharedArrayBuffer(8));
  const workerData: PacerData = { intendedMs, control, origin };
  const worker = new Worker(new URL('./pacer-thread.ts', import.meta.url), { workerData });
  const close = async () => {
    Atomics.store(control, PACER_CONTROL.stop, 1);
    Atomics.notify(control, PACER_CONTROL.stop);
    Atomics.store(control, PACER_CONTROL.start, 1);
    Atomics.notify(control, PACER_CONTROL.start);
    await worker.terminate();
  };
  try {
    await once(worker, 'message', { signal });
  } catch (error) {
    await close();
    throw signal.aborted ? abortError(signal) : error;
  }

  let next = 0;
  return {
    close,
    async run(originMs, onDue) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const abort = () => reject(abortError(signal));
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      worker.once('error', reject);
      worker.on('message', () => {
        while (next < intendedMs.length && originMs + (intendedMs[next] ?? 0) <= clock.nowMs()) {
          onDue(next);
          next += 1;
        }
        if (next === intendedMs.length) resolve();
      });
      if (intendedMs.length === 0) resolve();
      origin[0] = originMs;
      Atomics.store(control, PACER_CONTROL.start, 1);
      Atomics.notify(control, PACER_CONTROL.start);
      try {
        await promise;
      } finally {
        signal.removeEventListener('abort', abort);
        worker.removeAllListeners('message');
      }
    },
  };
}
