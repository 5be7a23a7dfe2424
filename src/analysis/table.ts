import { PriomeshError } from '../core/index.ts';
import type { SummaryInput } from './input.ts';
import type { RequestRecord, ThroughputBin, Trial } from './records.ts';
import { type TrialMetrics, trialMetrics } from './trial-metrics.ts';

/** The metrics of one class in the trial of one block of one arm. */
export interface Cell {
  readonly block: number;
  readonly requests: number;
  readonly metrics: TrialMetrics;
}

/** arm -> class -> cells in the order of blocks. */
export type MetricTable = ReadonlyMap<string, ReadonlyMap<string, readonly Cell[]>>;

/**
 * Computes the metrics of every trial and class. Throws RESULTS_INVALID when two trials claim the same block of an arm, or
 * a record names a workload that the experiment does not have.
 */
export function metricTable(input: SummaryInput): MetricTable {
  const table = new Map<string, Map<string, Cell[]>>();
  const seen = new Set<string>();
  const timeoutMs = (workload: string): number => {
    const timeout = input.timeoutsMs[workload];
    if (timeout === undefined) {
      throw new PriomeshError('RESULTS_INVALID', `a request names the unknown workload \`${workload}\``);
    }
    return timeout;
  };
  const queued = classesThatQueue(input.trials);
  for (const trial of [...input.trials].sort((a, b) => a.block - b.block)) {
    const key = `${trial.arm}/${trial.block}`;
    if (seen.has(key)) {
      throw new PriomeshError(
        'RESULTS_INVALID',
        `block ${trial.block} of arm \`${trial.arm}\` is there twice`,
      );
    }
    seen.add(key);
    const classes = table.get(trial.arm) ?? new Map<string, Cell[]>();
    table.set(trial.arm, classes);
    for (const requestClass of input.classes) {
      const requests = measured(trial, requestClass.name);
      if (requests.length === 0) continue;
      const metrics = trialMetrics({
        requests,
        everyRequest: trial.requests.filter((request) => request.className === requestClass.name),
        queued: queued.has(`${trial.arm} ${requestClass.name}`),
        throughput: trial.throughput.filter((bin: ThroughputBin) => bin.className === requestClass.name),
        window: input.window,
        objective: requestClass.objective,
        ...(input.episode === undefined
          ? {}
          : {
              episode: {
                className: requestClass.name,
                episode: input.episode,
                events: trial.networkEvents,
              },
            }),
        step: input.step,
        timeoutMs,
      });
      const cells = classes.get(requestClass.name) ?? [];
      classes.set(requestClass.name, cells);
      cells.push({ block: trial.block, requests: requests.length, metrics });
    }
  }
  return table;
}

/** The arms and classes of which some response told a wait in a queue. */
function classesThatQueue(trials: readonly Trial[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { arm, requests } of trials) {
    for (const { className, queueWaitMs } of requests) {
      if (queueWaitMs !== undefined) found.add(`${arm} ${className}`);
    }
  }
  return found;
}

/** The requests of a class that were due in the measuring window of a trial. */
function measured(trial: Trial, className: string): RequestRecord[] {
  return trial.requests.filter((request) => request.phase === 'measure' && request.className === className);
}
