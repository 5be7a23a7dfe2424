import { PriomeshError } from '../../core/index.ts';
import type { QueueCounters, QueueSample } from '../estimator/counters.ts';

/** One queueing discipline as `tc -s -j qdisc show` has it. */
export interface Qdisc extends QueueCounters {
  readonly device: string;
  /** `10:`. */
  readonly handle: string;
  /** The class that it hangs under, such as `1:10`; `root` at the top. */
  readonly parent: string;
}

function malformed(why: string, line: string): PriomeshError {
  return new PriomeshError('COMMAND_FAILED', `tc printed ${why}: ${line.slice(0, 200)}`, {
    fix: 'Report the output with the version of iproute2 (`tc -V`).',
  });
}

function counter(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0;
}

/** Reads one line that `tc -s -j qdisc show` printed: all disciplines of all interfaces. @throws PriomeshError COMMAND_FAILED */
export function parseQdiscs(line: string): Qdisc[] {
  let list: unknown;
  try {
    list = JSON.parse(line);
  } catch {
    throw malformed('something that is not JSON', line);
  }
  if (!Array.isArray(list)) throw malformed('no list', line);
  return list.flatMap((entry: unknown): Qdisc[] => {
    if (typeof entry !== 'object' || entry === null) throw malformed('a list of other things', line);
    const { dev, handle, root, parent, bytes, packets, drops, backlog } = entry as Readonly<
      Record<string, unknown>
    >;
    if (typeof dev !== 'string' || typeof handle !== 'string')
      throw malformed('a queue without a name', line);
    const above = root === true ? 'root' : parent;
    if (typeof above !== 'string') return [];
    return [
      {
        device: dev,
        handle,
        parent: above,
        bytes: counter(bytes),
        packets: counter(packets),
        drops: counter(drops),
        backlogBytes: counter(backlog),
      },
    ];
  });
}

/** Where the queues of a port are. */
export interface PortQueues {
  readonly device: string;
  /** By class index: the class that the queue hangs under or its own handle. Empty where all classes share one. */
  readonly classids: readonly (string | undefined)[];
}

/** What stands at a port, taken from all disciplines; nothing when the interface has none. */
export function sampleOf(
  port: PortQueues,
  qdiscs: readonly Qdisc[],
  timeMs: number,
): QueueSample | undefined {
  const own = qdiscs.filter(({ device }) => device === port.device);
  const total = own.find(({ parent }) => parent === 'root');
  if (total === undefined) return undefined;
  return {
    timeMs,
    total,
    classes: port.classids.map((id) =>
      id === undefined ? undefined : own.find(({ parent, handle }) => parent === id || handle === id),
    ),
  };
}
