import { mean } from 'simple-statistics';
import { roundedEstimate } from './compare.ts';
import { amountInterval } from './interval.ts';
import type { MeasuringWindow, QueueSample, Trial } from './records.ts';
import type { SummaryQueue } from './summary.ts';

/**
 * What each message queue held during the measuring windows of an arm's trials: the mean over a trial's samples is one observation. A
 * priority that a sample does not name held nothing. Undefined when no trial has a sample.
 */
export function queueDepths(
  trials: readonly Trial[],
  window: MeasuringWindow,
): Record<string, SummaryQueue> | undefined {
  const measured = trials.map(({ queueSamples = [] }) =>
    queueSamples.filter(({ timeMs }) => timeMs >= window.startMs && timeMs < window.endMs),
  );
  const names = [...new Set(measured.flat().map(({ queue }) => queue))].sort();
  if (names.length === 0) return undefined;
  return Object.fromEntries(
    names.map((name) => {
      const samples = measured.map((all) => all.filter(({ queue }) => queue === name));
      return [name, depthsOf(samples.filter((own) => own.length > 0))];
    }),
  );
}

/** @param trials the samples of one queue, a list a trial, none empty */
function depthsOf(trials: readonly (readonly QueueSample[])[]): SummaryQueue {
  const all = trials.flat();
  const priorities = [...new Set(all.flatMap(({ ready }) => Object.keys(ready)))];
  const over = (pick: (sample: QueueSample) => number) =>
    roundedEstimate(amountInterval(trials.map((samples) => mean(samples.map(pick)))));
  return {
    ready: Object.fromEntries(
      priorities.map((priority) => [priority, over(({ ready }) => ready[priority] ?? 0)]),
    ),
    unacked: over(({ unacked }) => unacked),
    mostReady: Math.max(...all.map(totalReady)),
  };
}

/** Messages of every priority that wait. */
export function totalReady({ ready }: Pick<QueueSample, 'ready'>): number {
  return Object.values(ready).reduce((sum, count) => sum + count, 0);
}

/** What a queue held around one moment, on average over trials. */
export interface DepthPoint {
  /** Beginning of the bin, seconds since the start of the measuring window. */
  readonly timeS: number;
  /** By AMQP priority; every point of a series names the same ones. */
  readonly ready: Readonly<Record<string, number>>;
  readonly unacked: number;
}

/**
 * The course of a queue's depth over `[startMs, endMs)`: the mean of the trials' means in each bin. A bin in which no trial has a sample is
 * left out.
 *
 * @param trials the samples of the queue, a list a trial
 */
export function depthOverTime(
  trials: readonly (readonly QueueSample[])[],
  startMs: number,
  endMs: number,
  widthMs: number,
): DepthPoint[] {
  const priorities = [...new Set(trials.flat().flatMap(({ ready }) => Object.keys(ready)))];
  const points: DepthPoint[] = [];
  for (let fromMs = startMs; fromMs < endMs; fromMs += widthMs) {
    const toMs = Math.min(endMs, fromMs + widthMs);
    const inBin = trials
      .map((samples) => samples.filter(({ timeMs }) => timeMs >= fromMs && timeMs < toMs))
      .filter((samples) => samples.length > 0);
    if (inBin.length === 0) continue;
    const over = (pick: (sample: QueueSample) => number) =>
      mean(inBin.map((samples) => mean(samples.map(pick))));
    points.push({
      timeS: (fromMs - startMs) / 1000,
      ready: Object.fromEntries(
        priorities.map((priority) => [priority, over(({ ready }) => ready[priority] ?? 0)]),
      ),
      unacked: over(({ unacked }) => unacked),
    });
  }
  return points;
}
