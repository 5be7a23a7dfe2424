import { quantileSorted } from '../../src/analysis/index.ts';
import { seededRandom } from '../../src/core/index.ts';
import type { Client, Done } from './client.ts';
import type { Poller } from './poller.ts';

/** What the generator is told. */
export interface OpenLoopTask {
  readonly protocol: 'http1' | 'http2';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly rateRps: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly seed: number;
}

/** Latencies of an open loop, each from the intended send time to the last byte. */
export interface OpenLoopResult {
  readonly requests: number;
  /** Requests without a complete 200. */
  readonly errors: number;
  /** Requests that left more than 1 ms after their time. */
  readonly late: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Share of its core that the generator took. */
  readonly generatorPercent: number;
}

const LATE_MS = 1;
/** How long the last responses are waited for. */
const DRAIN_MS = 1000;
const IDLE_WAIT_MS = 5;

/** The instants of a Poisson process in [0, durationMs), milliseconds. The same seed gives the same instants. */
export function arrivals(rateRps: number, durationMs: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  const times: number[] = [];
  const gapMs = 1000 / rateRps;
  for (let at = random.exponential(gapMs); at < durationMs; at += random.exponential(gapMs)) times.push(at);
  return Float64Array.from(times);
}

/** Latencies of the requests whose time had come after `fromMs`; NaN stands for a request without a complete 200. */
export function summarizeLatencies(
  dueMs: Float64Array,
  latencyMs: Float64Array,
  sentLateMs: Float64Array,
  fromMs: number,
): Omit<OpenLoopResult, 'generatorPercent'> {
  const first = dueMs.findIndex((due) => due >= fromMs);
  const measured = first < 0 ? new Float64Array(0) : latencyMs.subarray(first);
  const sorted = measured.filter((value) => !Number.isNaN(value)).sort();
  const late = first < 0 ? 0 : sentLateMs.subarray(first).filter((value) => value > LATE_MS).length;
  const at = (p: number): number => (sorted.length === 0 ? Number.NaN : quantileSorted(sorted, p));
  return {
    requests: measured.length,
    errors: measured.length - sorted.length,
    late,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
  };
}

/** Sends a schedule of requests, each at its time whatever became of those before it. Blocks until the last is answered. */
export function runTask(task: OpenLoopTask, poller: Poller, open: (done: Done) => Client): OpenLoopResult {
  const dueMs = arrivals(task.rateRps, task.warmupMs + task.measureMs, task.seed);
  const latencyMs = new Float64Array(dueMs.length).fill(Number.NaN);
  const sentLateMs = new Float64Array(dueMs.length);
  let originMs = 0;
  let answered = 0;
  const client = open((request, ok) => {
    answered += 1;
    if (ok) latencyMs[request] = performance.now() - originMs - (dueMs[request] ?? 0);
  });
  const onReadable = (tag: number): void => client.readable(tag);
  const before = process.cpuUsage();
  originMs = performance.now();
  let next = 0;
  let nowMs = 0;
  const endMs = task.warmupMs + task.measureMs + DRAIN_MS;
  while ((next < dueMs.length || answered < next) && nowMs < endMs) {
    nowMs = performance.now() - originMs;
    // One request a turn: responses that have come meanwhile are read between two of them.
    if ((dueMs[next] ?? Number.POSITIVE_INFINITY) <= nowMs) {
      sentLateMs[next] = nowMs - (dueMs[next] ?? 0);
      client.send(next);
      next += 1;
    }
    const due = dueMs[next];
    poller.wait(due === undefined ? IDLE_WAIT_MS : due - (performance.now() - originMs), onReadable);
  }
  const elapsedMs = performance.now() - originMs;
  const cpu = process.cpuUsage(before);
  client.close();
  return {
    ...summarizeLatencies(dueMs, latencyMs, sentLateMs, task.warmupMs),
    generatorPercent: (cpu.user + cpu.system) / 10 / elapsedMs,
  };
}
