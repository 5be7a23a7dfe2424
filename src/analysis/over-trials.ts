import type { MetricName } from '../config/index.ts';
import { roundedEstimate } from './compare.ts';
import type { EpisodeMetric } from './episode.ts';
import { amountInterval, type Estimate, geometricInterval, proportionInterval } from './interval.ts';
import type { StepMetric } from './load-step.ts';
import type { SummaryClass } from './summary.ts';
import type { Cell } from './table.ts';

/** The figures of a class in an arm, each over its trials. */
export function overTrials(cells: readonly Cell[]): SummaryClass {
  const over = (metric: MetricName, interval: (values: readonly number[]) => Estimate) =>
    roundedEstimate(interval(cells.flatMap((cell) => cell.metrics[metric] ?? [])));
  const queues = cells.some((cell) => cell.metrics['queueWaitMs.mean'] !== undefined);
  return {
    requests: cells.reduce((sum, cell) => sum + cell.requests, 0),
    latencyMs: {
      p50: over('latencyMs.p50', geometricInterval),
      p90: over('latencyMs.p90', geometricInterval),
      p99: over('latencyMs.p99', geometricInterval),
      p999: over('latencyMs.p999', geometricInterval),
      mean: over('latencyMs.mean', geometricInterval),
    },
    ...(queues
      ? {
          queueWaitMs: {
            p50: over('queueWaitMs.p50', geometricInterval),
            p90: over('queueWaitMs.p90', geometricInterval),
            p99: over('queueWaitMs.p99', geometricInterval),
            mean: over('queueWaitMs.mean', geometricInterval),
          },
        }
      : {}),
    goodputRps: over('goodputRps', geometricInterval),
    throughputRps: over('throughputRps', geometricInterval),
    goodputBps: over('goodputBps', geometricInterval),
    errorRatio: over('errorRatio', proportionInterval),
    sloAttainment: over('sloAttainment', proportionInterval),
    ...episodeOverTrials(cells),
    ...stepOverTrials(cells),
  };
}

function episodeOverTrials(cells: readonly Cell[]): Pick<SummaryClass, 'episode'> {
  const over = (
    metric: EpisodeMetric,
    interval: (values: readonly number[]) => Estimate = geometricInterval,
  ) => {
    const values = cells.flatMap((cell) => cell.metrics[metric] ?? []);
    return values.length === 0 ? undefined : roundedEstimate(interval(values));
  };
  const [p50, p99] = [over('episode.latencyMs.p50'), over('episode.latencyMs.p99')];
  const episode = present({
    latencyMs: p50 === undefined || p99 === undefined ? undefined : { p50, p99 },
    timeToHintMs: over('episode.timeToHintMs'),
    timeToFirstMoveMs: over('episode.timeToFirstMoveMs'),
    timeToReliefMs: over('episode.timeToReliefMs'),
    moves: over('episode.moves', amountInterval),
  });
  return Object.keys(episode).length === 0 ? {} : { episode };
}

function stepOverTrials(cells: readonly Cell[]): Pick<SummaryClass, 'step'> {
  const over = (
    metric: StepMetric,
    interval: (values: readonly number[]) => Estimate = geometricInterval,
  ) => {
    const values = cells.flatMap((cell) => cell.metrics[metric] ?? []);
    return values.length === 0 ? undefined : roundedEstimate(interval(values));
  };
  const [p50, p99] = [over('step.latencyMs.p50'), over('step.latencyMs.p99')];
  const step = {
    goodShare: present({
      before: over('step.goodShare.before', proportionInterval),
      during: over('step.goodShare.during', proportionInterval),
      after: over('step.goodShare.after', proportionInterval),
    }),
    ...present({
      goodRps: over('step.goodRps'),
      latencyMs: p50 === undefined || p99 === undefined ? undefined : { p50, p99 },
    }),
    timeToSettleMs: present({
      up: over('step.timeToSettleMs.up'),
      down: over('step.timeToSettleMs.down'),
    }),
  };
  return Object.keys(step.goodShare).length === 0 ? {} : { step };
}

/** The members that are there. */
function present<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}
