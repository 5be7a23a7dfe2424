import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { QueueSample } from '../analysis/index.ts';
import { messageOf, PriomeshError } from '../core/index.ts';

const classCounters = z.looseObject({
  name: z.string().optional(),
  class: z.string().optional(),
  className: z.string().optional(),
  bytes: z.number(),
  drops: z.number().default(0),
  backlogBytes: z.number().default(0),
});

const lineSchema = z.looseObject({
  t_ms: z.number(),
  source: z.string(),
  name: z.string().default(''),
  classes: z.array(classCounters).optional().catch(undefined),
});

/** What one class of a bottleneck port had counted at one moment. */
export interface ClassCounters {
  readonly className: string;
  /** Sent since the port was set up. */
  readonly bytes: number;
  readonly drops: number;
  /** Waiting now. */
  readonly backlogBytes: number;
}

/** One line of `counters.jsonl`: a port (with its classes), a queue of the broker, or a sidecar (with its statistics as they were written). */
export interface CounterLine {
  readonly timeMs: number;
  readonly source: string;
  readonly name: string;
  readonly classes: readonly ClassCounters[];
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Reads `counters.jsonl`; a missing file gives no lines, as a laboratory without ports has none. Throws RESULTS_INVALID with file and line. */
export async function readCounters(file: string): Promise<CounterLine[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new PriomeshError('RESULTS_INVALID', `${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      const parsed = lineSchema.parse(JSON.parse(line));
      return [
        {
          timeMs: parsed.t_ms,
          source: parsed.source,
          name: parsed.name,
          classes: (parsed.classes ?? []).map((one) => ({
            className: one.className ?? one.class ?? one.name ?? '',
            bytes: one.bytes,
            drops: one.drops,
            backlogBytes: one.backlogBytes,
          })),
          raw: parsed,
        },
      ];
    } catch (error) {
      throw new PriomeshError('RESULTS_INVALID', `${file}:${index + 1}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  });
}

const queueSchema = z.looseObject({
  ready: z.record(z.string().regex(/^\d{1,3}$/), z.number().min(0)),
  unacked: z.number().min(0),
});

/** What the broker's queues held, in the order of the lines. A line that is no sample of a queue is passed over. */
export function queueSamples(counters: readonly CounterLine[]): QueueSample[] {
  return counters.flatMap(({ source, name, timeMs, raw }) => {
    if (source !== 'broker') return [];
    const parsed = queueSchema.safeParse(raw);
    return parsed.success
      ? [{ timeMs, queue: name, ready: parsed.data.ready, unacked: parsed.data.unacked }]
      : [];
  });
}

/** The lines of the port that sent most bytes. */
export function busiestPort(counters: readonly CounterLine[]): CounterLine[] {
  const sent = new Map<string, number>();
  const lines = counters.filter((line) => line.source === 'port' && line.classes.length > 0);
  for (const line of lines) {
    sent.set(
      line.name,
      line.classes.reduce((sum, one) => sum + one.bytes, 0),
    );
  }
  const [busiest] = [...sent].sort(([, a], [, b]) => b - a);
  return lines.filter((line) => line.name === busiest?.[0]);
}
