import { appendFile } from 'node:fs/promises';
import { type Clock, PriomeshError } from '../core/index.ts';
import type { AppliedPort } from '../kernel-qos/index.ts';
import type { TrialObservation } from './audit.ts';

/** A watch over the bottleneck ports of a trial. */
export interface PortWatch {
  /** Ends the watch; the counters up to now are in the file. Safe to call twice. */
  stop(): Promise<void>;
  /** What left each port while it was watched. */
  totals(): TrialObservation['ports'];
}

const INTERVAL_MS = 500;

/** Reads the class counters of the ports at a steady pace and appends them to a file of JSON lines. */
export function watchPorts(
  ports: readonly AppliedPort[],
  options: { clock: Clock; originMs: number; file: string; signal: AbortSignal },
): PortWatch {
  const { clock, originMs, file, signal } = options;
  const stopping = new AbortController();
  const first = new Map<string, { bytes: number; atMs: number }>();
  const last = new Map<string, { bytes: number; atMs: number }>();

  const sample = async (): Promise<void> => {
    for (const port of ports) {
      const atMs = clock.nowMs();
      const classes = await port.statistics();
      const bytes = classes.reduce((sum, one) => sum + one.bytes, 0);
      const seen = { bytes, atMs };
      if (!first.has(port.plan.port.label)) first.set(port.plan.port.label, seen);
      last.set(port.plan.port.label, seen);
      const line = { t_ms: Math.round(atMs - originMs), source: 'port', name: port.plan.port.label, classes };
      await appendFile(file, `${JSON.stringify(line)}\n`);
    }
  };
  const loop = async (): Promise<void> => {
    const either = AbortSignal.any([stopping.signal, signal]);
    while (!either.aborted) {
      await sample();
      try {
        await clock.sleep(INTERVAL_MS, either);
      } catch (error) {
        if (!(error instanceof PriomeshError && error.code === 'ABORTED')) throw error;
      }
    }
    if (!signal.aborted) await sample();
  };
  const ended = ports.length === 0 ? Promise.resolve() : loop();
  ended.catch(() => {});
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
    totals: () =>
      ports.map((port) => {
        const { label, rateBps } = port.plan.port;
        const from = first.get(label) ?? { bytes: 0, atMs: 0 };
        const to = last.get(label) ?? from;
        return { label, rateBps, bytes: to.bytes - from.bytes, watchedMs: Math.max(1, to.atMs - from.atMs) };
      }),
  };
}
