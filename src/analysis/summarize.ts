import { METRIC_NAMES, type MetricName } from '../config/index.ts';
import { PriomeshError } from '../core/index.ts';
import { compareArms, judge } from './compare.ts';
import { RELIEF_FACTOR, RELIEF_WINDOW_MS } from './episode.ts';
import { controlWords, findingWords, valueWords } from './finding-words.ts';
import type { SummaryInput } from './input.ts';
import { CONFIDENCE } from './interval.ts';
import { SETTLE_SHARE, SETTLE_SLIDE_MS, SETTLE_WINDOW_MS } from './load-step.ts';
import { overTrials } from './over-trials.ts';
import { queueDepths } from './queue-depths.ts';
import {
  type Summary,
  type SummaryArm,
  type SummaryEstimate,
  type SummaryRatio,
  summarySchema,
} from './summary.ts';
import { type MetricTable, metricTable } from './table.ts';
import { isMetricName, smallerIsBetter } from './trial-metrics.ts';
import { paragraph, points } from './words.ts';

const STATISTICS: Summary['statistics'] = {
  confidence: CONFIDENCE,
  quantiles:
    'Definition 7 of Hyndman and Fan (1996) on the raw latencies of a trial, from the intended send time. With fewer than 1,000 requests in a trial its p999 lies next to its slowest request.',
  intervals:
    "Over trials, never over requests: latencies, waits, throughputs and goodputs are geometric means over the trials with Student's 95 % interval on the logarithms (arithmetic where a trial's value is zero); shares of requests are arithmetic means with Student's 95 % interval cut to 0..1, and depths of queues likewise, cut at 0. An interval of no width says that all trials gave the same value, not that the next one will.",
  ratios:
    "Paired by block (the same arrivals in every arm): geometric mean of the blocks' ratios with Student's 95 % interval on their logarithms. Where an arm's value is zero in a block: ratio of means, no interval. Differences: arithmetic mean of the blocks' differences with Student's 95 % interval. The intervals are not corrected for there being many of them.",
  failures:
    'In the latencies a request that failed counts as its time-out, one that was cut off by the end of the trial as the time it had waited until then. Both count as errors and do not meet the objective. In the waits in a message queue such a request counts with its latency.',
};

const EPISODE_WORDS = `The episode is the time in which cross traffic flows. Its latencies are of the requests that were due in it. Time to hint and time to first move count from its start; without a hint to its end the former is its length. Time to relief: from its start to the end of the last bad window of ${RELIEF_WINDOW_MS} ms, a window whose p99 is at least ${RELIEF_FACTOR} times that of the class's requests before the episode. Moves: the most that one decider, a sidecar or the controller, moved the class in a trial. Intervals of times as for latencies, of moves as for depths.`;

const STEP_WORDS = `The step of the load is the time from the first change of a rate to the last. Good share: of the requests that were due before, during and after it, which met the objective of their class; good requests per second and latencies are of those due during it. Time to settle: from the step up, and from the step down, to the first instant (they are ${SETTLE_SLIDE_MS} ms apart) from which on at least ${SETTLE_SHARE * 100} % of the requests due in any window of ${SETTLE_WINDOW_MS} ms met the objective; bad to the end: the length of that phase. Intervals of shares as for shares, of the others as for latencies.`;

/**
 * Computes the whole of `summary.json` from trials that passed the audit. Pure. Throws RESULTS_INVALID when there is no
 * such trial, or a comparison names what the experiment does not have.
 */
export function summarize(input: SummaryInput): Summary {
  const table = metricTable(input);
  const arms: Record<string, SummaryArm> = {};
  for (const [name, arm] of Object.entries(input.arms)) {
    const classes = table.get(name);
    if (classes === undefined) continue;
    const trials = input.trials.filter((trial) => trial.arm === name);
    const queues = queueDepths(trials, input.window);
    arms[name] = {
      layers: [...arm.layers],
      sidecars: arm.sidecars,
      description: arm.description,
      trials: trials.length,
      classes: Object.fromEntries([...classes].map(([className, cells]) => [className, overTrials(cells)])),
      ...(queues === undefined ? {} : { queues }),
    };
  }
  if (Object.keys(arms).length === 0) {
    throw new PriomeshError('RESULTS_INVALID', 'no trial passed the audit: there is nothing to summarize');
  }
  const baseline = baselineArm(input, arms);
  const ratios = allRatios(input, table, baseline);
  const findings: Summary['findings'] = [];
  for (const comparison of input.comparisons) {
    if (comparison.atLeast === undefined && comparison.atMost === undefined) continue;
    const { kind } = comparison;
    const ratio = kind === 'value' ? undefined : find(ratios, comparison);
    const value = kind === 'value' ? estimateOf(arms[comparison.of], comparison) : undefined;
    const verdict = judge(
      kind === 'value' ? value : kind === 'difference' ? ratio?.difference : ratio,
      comparison,
    );
    findings.push({
      claim: comparison.claim,
      ...(kind === 'difference' || kind === 'value' ? { kind } : {}),
      metric: comparison.metric,
      class: comparison.class,
      of: comparison.of,
      to: comparison.to,
      ...(comparison.atLeast === undefined ? {} : { atLeast: comparison.atLeast }),
      ...(comparison.atMost === undefined ? {} : { atMost: comparison.atMost }),
      verdict,
      words:
        kind === 'value' ? valueWords(comparison, value, verdict) : findingWords(comparison, ratio, verdict),
    });
  }
  const story = {
    arms,
    ratios,
    findings,
    baseline,
    classes: input.classes.map(({ name }) => name),
    limitations: input.limitations,
    evidence: input.evidence,
    allWorkloads: (arm: string) => input.arms[arm]?.allWorkloads ?? true,
    control: input.control,
  };
  const { control } = input;
  return summarySchema.parse({
    schema: 'priomesh/summary/v1',
    experiment: input.experiment,
    title: input.title,
    lab: input.lab,
    form: input.form,
    windowMs: input.window.endMs - input.window.startMs,
    baseline,
    statistics: {
      ...STATISTICS,
      ...(input.episode === undefined ? {} : { episode: EPISODE_WORDS }),
      ...(input.step === undefined ? {} : { step: STEP_WORDS }),
    },
    arms,
    ratios,
    findings,
    words: { paragraph: paragraph(story), points: points(story) },
    limitations: input.limitations.map((limitation) => ({ ...limitation, arms: [...limitation.arms] })),
    audit: {
      verdict: input.audit.trusted ? 'trusted' : 'untrusted',
      trials: input.trials.length,
      void: input.audit.void.length,
      reasons: counted(input.audit.void),
      laboratory: [...input.audit.laboratory],
      ...(control === undefined || arms[control.arm] === undefined
        ? {}
        : { control: { ...control, words: controlWords(control, ratios) } }),
    },
  } satisfies Summary);
}

/** The value of a metric in an arm; undefined where it has none. */
function estimateOf(
  arm: SummaryArm | undefined,
  { metric, class: className }: { readonly metric: string; readonly class: string },
): SummaryEstimate | undefined {
  let value: unknown = arm?.classes[className];
  for (const step of metric.split('.')) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined;
  }
  return value === undefined ? undefined : (value as SummaryEstimate);
}

/** The arm with sidecars and no layer that carries every workload; else the first arm. */
function baselineArm(input: SummaryInput, arms: Summary['arms']): string {
  const names = Object.keys(arms);
  const plain = names.find((name) => {
    const arm = input.arms[name];
    return (
      arm?.sidecars === true && arm.layers.length === 0 && arm.allWorkloads && name !== input.control?.arm
    );
  });
  return plain ?? (names[0] as string);
}

const LEFT_OUT: readonly MetricName[] = ['latencyMs.p999', 'errorRatio', 'queueWaitMs.p90'];
/** Metrics of which every arm's ratio to the baseline is given. */
const STANDARD: readonly MetricName[] = METRIC_NAMES.filter((metric) => !LEFT_OUT.includes(metric));

/**
 * The experiment's comparisons first, then every other arm against the baseline, and the A/A control against the arm that it repeats. The direction
 * of the latter is such that more than 1 is better: baseline over arm for latencies and waits, arm over baseline for the rest.
 */
function allRatios(input: SummaryInput, table: MetricTable, baseline: string): SummaryRatio[] {
  const ratios: SummaryRatio[] = [];
  const add = (metric: MetricName, className: string, of: string, to: string) => {
    if (find(ratios, { metric, class: className, of, to }) !== undefined) return;
    const ratio = compareArms(table, metric, className, of, to);
    if (ratio !== undefined) ratios.push(ratio);
  };
  for (const { metric, kind, class: className, of, to } of input.comparisons) {
    if (!isMetricName(metric)) {
      throw new PriomeshError('RESULTS_INVALID', `a comparison names the unknown metric \`${metric}\``);
    }
    if (kind !== 'value') add(metric, className, of, to);
  }
  const addStandard = (arm: string, reference: string) => {
    for (const { name: className } of input.classes) {
      const queues = table
        .get(arm)
        ?.get(className)
        ?.some(({ metrics }) => metrics['queueWaitMs.mean'] !== undefined);
      for (const metric of STANDARD) {
        // Without a queue it says what goodputRps says.
        if (metric === 'throughputRps' && queues !== true) continue;
        if (smallerIsBetter(metric)) add(metric, className, reference, arm);
        else add(metric, className, arm, reference);
      }
    }
  };
  for (const arm of table.keys()) {
    if (arm !== baseline) addStandard(arm, baseline);
  }
  const { control } = input;
  if (control !== undefined && control.of !== baseline) addStandard(control.arm, control.of);
  return ratios;
}

/** The ratio of exactly these two arms, in this direction. */
export function find(
  ratios: readonly SummaryRatio[],
  wanted: { metric: string; class: string; of: string; to: string },
): SummaryRatio | undefined {
  return ratios.find(
    (ratio) =>
      ratio.metric === wanted.metric &&
      ratio.class === wanted.class &&
      ratio.of === wanted.of &&
      ratio.to === wanted.to,
  );
}

function counted(reasons: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => (count === 1 ? reason : `${reason} (${count} times)`));
}
