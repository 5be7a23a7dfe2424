import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { HintEvent, LinkClassSample, MoveEvent, NetworkEvents, QueueSample } from '../analysis/index.ts';
import { messageOf, type NetworkPath, PriomeshError } from '../core/index.ts';

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

const hintSchema = z.looseObject({
  event: z.literal('hint'),
  link: z.string(),
  class: z.string(),
  congested: z.boolean(),
});

const moveSchema = z.looseObject({
  event: z.literal('move'),
  class: z.string(),
  owner: z.string().default('sidecar'),
  peer: z.string().default(''),
  from: z.string(),
  to: z.string(),
  reason: z.string().default(''),
});

const linksSchema = z.looseObject({
  event: z.literal('links'),
  links: z.array(
    z.looseObject({
      link: z.string(),
      classes: z.record(z.string(), z.looseObject({ level: z.number(), utilization: z.number().default(0) })),
    }),
  ),
});

const pathsSchema = z.looseObject({
  event: z.literal('paths'),
  paths: z.array(z.looseObject({ id: z.string(), links: z.array(z.string()) })),
});

/**
 * What was told of the network and who reacted, in the order of time; undefined where nobody told of it. A line that is neither hint nor
 * move is passed over.
 */
export function networkEvents(counters: readonly CounterLine[]): NetworkEvents | undefined {
  const lines = counters.filter(({ source }) => source === 'network');
  if (lines.length === 0) return undefined;
  const hints: HintEvent[] = [];
  const moves: MoveEvent[] = [];
  for (const { timeMs, name, raw } of lines.toSorted((one, other) => one.timeMs - other.timeMs)) {
    const hint = hintSchema.safeParse(raw);
    if (hint.success) {
      const { link, congested } = hint.data;
      hints.push({ timeMs, link, className: hint.data.class, congested });
      continue;
    }
    const move = moveSchema.safeParse(raw);
    if (!move.success) continue;
    const { owner, peer, from, to, reason } = move.data;
    const decider = owner === 'controller' ? owner : name;
    moves.push({ timeMs, className: move.data.class, decider, peer, from, to, reason });
  }
  return { hints, moves };
}

/** What the bridge saw of the links, in the order of the lines. */
export function linkSamples(counters: readonly CounterLine[]): LinkClassSample[] {
  return counters.flatMap(({ source, timeMs, raw }) => {
    if (source !== 'network') return [];
    const parsed = linksSchema.safeParse(raw);
    if (!parsed.success) return [];
    return parsed.data.links.flatMap(({ link, classes }) =>
      Object.entries(classes).map(([className, { level, utilization }]) => ({
        timeMs,
        link,
        className,
        level,
        utilization,
      })),
    );
  });
}

/** The paths through the network, the default one first; empty where nobody told of them. */
export function networkPaths(counters: readonly CounterLine[]): readonly NetworkPath[] {
  for (const { source, raw } of counters) {
    if (source !== 'network') continue;
    const parsed = pathsSchema.safeParse(raw);
    if (parsed.success) return parsed.data.paths;
  }
  return [];
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
