/** What waits in a queue of the broker. */
export interface QueueDepth {
  readonly name: string;
  /** Messages that are ready to be delivered, by AMQP priority as a decimal string; `0` is the least important. */
  readonly ready: Readonly<Record<string, number>>;
  /** Messages that were delivered and are not acknowledged yet, of all priorities. */
  readonly unacked: number;
}

/** The columns that {@link readQueues} needs. */
export const QUEUE_COLUMNS = 'name,messages_ready,messages_unacknowledged,backing_queue_status';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function byPriority(status: unknown): Record<string, number> | undefined {
  const lengths = isObject(status) ? status['priority_lengths'] : undefined;
  if (!isObject(lengths)) return undefined;
  const counts = Object.entries(lengths).filter(
    (one): one is [string, number] => /^\d+$/.test(one[0]) && typeof one[1] === 'number',
  );
  return counts.length === 0 ? undefined : Object.fromEntries(counts);
}

/**
 * Reads the answer of the management API to GET /api/queues. A queue that is so new that nothing is known of it yet is left
 * out; one without priorities has all its messages at priority 0.
 */
export function readQueues(answer: unknown): QueueDepth[] {
  if (!Array.isArray(answer)) return [];
  const depths: QueueDepth[] = [];
  for (const one of answer.filter(isObject)) {
    const { name, messages_ready: ready, messages_unacknowledged: unacked, backing_queue_status } = one;
    if (typeof name !== 'string' || typeof ready !== 'number' || typeof unacked !== 'number') continue;
    depths.push({ name, ready: byPriority(backing_queue_status) ?? { 0: ready }, unacked });
  }
  return depths;
}
