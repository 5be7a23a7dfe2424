import { appendFile } from 'node:fs/promises';
import type { Broker, DepthSample } from '../lab/index.ts';

/** A watch over the queues of a trial's virtual host. */
export interface QueueWatch {
  /** Ends it and writes what it saw. Safe to call twice. */
  stop(): Promise<void>;
}

/** Queues that the broker names itself: replies, and what clients declare for themselves. */
const isOwn = (queue: string): boolean => queue.startsWith('amq.');

/** A sample as lines of `counters.jsonl`, a queue each. */
export function depthLines({ atMs, queues }: DepthSample, originMs: number): string[] {
  return queues
    .filter(({ name }) => !isOwn(name))
    .map(({ name, ready, unacked }) => {
      const line = { t_ms: Math.round(atMs - originMs), source: 'broker', name, ready, unacked };
      return `${JSON.stringify(line)}\n`;
    });
}

/** Reads the depths at a steady pace and appends them to a file of JSON lines, when the watch ends. */
export async function watchQueues(
  broker: Broker,
  options: { virtualHost: string; intervalMs: number; originMs: number; file: string },
): Promise<QueueWatch> {
  const { virtualHost, intervalMs, originMs, file } = options;
  const lines: string[] = [];
  const watch = await broker.watchDepths(virtualHost, {
    intervalMs,
    onSample: (sample) => lines.push(...depthLines(sample, originMs)),
  });
  let stopping: Promise<void> | undefined;
  return {
    stop: () => {
      stopping ??= watch.stop().then(() => appendFile(file, lines.join('')));
      return stopping;
    },
  };
}
