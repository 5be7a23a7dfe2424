import type { Address } from '../src/config/index.ts';
import { PriomeshError } from '../src/core/index.ts';
import type { ProcessGroup } from './processes.ts';

/** The size of a message's body. */
export const MESSAGE_BYTES = 1024;

/** What the load process is told, as its one argument, JSON. */
export interface AmqpLoadTask {
  readonly address: Address;
  readonly virtualHost: string;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** A closed loop that publishes and consumes as fast as it can, or requests at given times. */
  readonly kind: 'throughput' | 'latency';
  /** Of the requests, per second. */
  readonly rateRps: number;
  /** Of the arrivals. */
  readonly seed: number;
}

/** What it prints at the end, JSON. */
export interface AmqpLoadResult {
  /** Messages that were published, confirmed, delivered and acknowledged in the measured time; or requests. */
  readonly messages: number;
  readonly durationMs: number;
  /** Of requests, from the intended send time to the reply; 0 in a closed loop. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Requests that left more than 1 ms after their time. */
  readonly late: number;
  /** What did not come back. */
  readonly errors: number;
}

/** What it prints when the measured time begins, so that processor time can be read there. */
export const MEASURING = '"event":"measuring"';
/** And when it ends, before it cleans up. */
export const MEASURED = '"event":"measured"';

const MAIN = new URL('./amqp-load-main.ts', import.meta.url).pathname;
const SPARE_MS = 30_000;

/**
 * Runs a load, and reads something at the beginning and at the end of the measured time.
 * @throws PriomeshError COMMAND_FAILED
 */
export async function runAmqpLoad<T>(
  processes: ProcessGroup,
  core: number,
  task: AmqpLoadTask,
  read: () => Promise<T>,
): Promise<{ readonly result: AmqpLoadResult; readonly before: T; readonly after: T }> {
  const timeoutMs = task.warmupMs + task.measureMs + SPARE_MS;
  const child = processes.spawn('AMQP load', [process.execPath, MAIN, JSON.stringify(task)], { core });
  await child.waitForLine(MEASURING, timeoutMs, processes.signal);
  const before = await read();
  const line = await child.waitForLine(MEASURED, timeoutMs, processes.signal);
  const after = await read();
  await child.finished(timeoutMs, processes.signal);
  const result = JSON.parse(line) as AmqpLoadResult;
  if (result.messages === 0)
    throw new PriomeshError('COMMAND_FAILED', 'the AMQP load got no message through');
  return { result, before, after };
}
