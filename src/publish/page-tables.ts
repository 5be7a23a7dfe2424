import { quantity, type Summary, type SummaryClass, type SummaryEstimate } from '../analysis/index.ts';
import type { MetricName } from '../config/index.ts';
import { escapeHtml, prose } from './html.ts';

interface Column {
  readonly head: string;
  readonly unit: string;
  readonly metric: MetricName;
  /** Undefined where the class has no such figure. */
  pick(metrics: SummaryClass): SummaryEstimate | undefined;
}

const QUANTILES: readonly Column[] = [
  { head: 'p50', unit: 'ms', metric: 'latencyMs.p50', pick: (metrics) => metrics.latencyMs.p50 },
  { head: 'p90', unit: 'ms', metric: 'latencyMs.p90', pick: (metrics) => metrics.latencyMs.p90 },
  { head: 'p99', unit: 'ms', metric: 'latencyMs.p99', pick: (metrics) => metrics.latencyMs.p99 },
];
const SHARES: readonly Column[] = [
  { head: 'errors', unit: '%', metric: 'errorRatio', pick: (metrics) => metrics.errorRatio },
  { head: 'SLO met', unit: '%', metric: 'sloAttainment', pick: (metrics) => metrics.sloAttainment },
];
const COLUMNS: readonly Column[] = [
  ...QUANTILES,
  { head: 'p99.9', unit: 'ms', metric: 'latencyMs.p999', pick: (metrics) => metrics.latencyMs.p999 },
  { head: 'goodput', unit: 'Mbit/s', metric: 'goodputBps', pick: (metrics) => metrics.goodputBps },
  ...SHARES,
];
/** What is told of a class that passes a message queue. */
const COLUMNS_OF_QUEUES: readonly Column[] = [
  ...QUANTILES,
  {
    head: 'queue wait',
    unit: 'mean, ms',
    metric: 'queueWaitMs.mean',
    pick: (metrics) => metrics.queueWaitMs?.mean,
  },
  {
    head: 'queue wait',
    unit: 'p99, ms',
    metric: 'queueWaitMs.p99',
    pick: (metrics) => metrics.queueWaitMs?.p99,
  },
  {
    head: 'throughput',
    unit: 'requests/s',
    metric: 'throughputRps',
    pick: (metrics) => metrics.throughputRps,
  },
  ...SHARES,
];

/** What is told of a class where cross traffic flows for a while. */
const COLUMNS_OF_EPISODES: readonly Column[] = [
  { head: 'p50', unit: 'ms', metric: 'latencyMs.p50', pick: (metrics) => metrics.latencyMs.p50 },
  { head: 'p99', unit: 'ms', metric: 'latencyMs.p99', pick: (metrics) => metrics.latencyMs.p99 },
  {
    head: 'p99',
    unit: 'episode, ms',
    metric: 'episode.latencyMs.p99',
    pick: (metrics) => metrics.episode?.latencyMs?.p99,
  },
  {
    head: 'first hint',
    unit: 'ms',
    metric: 'episode.timeToHintMs',
    pick: (metrics) => metrics.episode?.timeToHintMs,
  },
  {
    head: 'first move',
    unit: 'ms',
    metric: 'episode.timeToFirstMoveMs',
    pick: (metrics) => metrics.episode?.timeToFirstMoveMs,
  },
  {
    head: 'relief',
    unit: 'ms',
    metric: 'episode.timeToReliefMs',
    pick: (metrics) => metrics.episode?.timeToReliefMs,
  },
  { head: 'moves', unit: 'most', metric: 'episode.moves', pick: (metrics) => metrics.episode?.moves },
  { head: 'goodput', unit: 'Mbit/s', metric: 'goodputBps', pick: (metrics) => metrics.goodputBps },
  ...SHARES,
];

/** What is told of a class where the load steps up and down again. */
const COLUMNS_OF_STEPS: readonly Column[] = [
  ...(['before', 'during', 'after'] as const).map(
    (phase): Column => ({
      head: 'good share',
      unit: `${phase}, %`,
      metric: `step.goodShare.${phase}`,
      pick: (metrics) => metrics.step?.goodShare[phase],
    }),
  ),
  { head: 'good', unit: 'during, requests/s', metric: 'step.goodRps', pick: ({ step }) => step?.goodRps },
  {
    head: 'p50',
    unit: 'during, ms',
    metric: 'step.latencyMs.p50',
    pick: ({ step }) => step?.latencyMs?.p50,
  },
  {
    head: 'p99',
    unit: 'during, ms',
    metric: 'step.latencyMs.p99',
    pick: ({ step }) => step?.latencyMs?.p99,
  },
  ...(['up', 'down'] as const).map(
    (way): Column => ({
      head: 'settles',
      unit: `${way}, ms`,
      metric: `step.timeToSettleMs.${way}`,
      pick: (metrics) => metrics.step?.timeToSettleMs[way],
    }),
  ),
  ...SHARES,
];

/** The numbers of a class as a table: an arm a row, each value with its interval below. */
export function classTable(summary: Summary, className: string): string {
  const queues = Object.values(summary.arms).some((arm) => arm.classes[className]?.queueWaitMs !== undefined);
  const episodes = Object.values(summary.arms).some((arm) => arm.classes[className]?.episode !== undefined);
  const steps = Object.values(summary.arms).some((arm) => arm.classes[className]?.step !== undefined);
  const columns = queues
    ? COLUMNS_OF_QUEUES
    : episodes
      ? COLUMNS_OF_EPISODES
      : steps
        ? COLUMNS_OF_STEPS
        : COLUMNS;
  const rows = Object.entries(summary.arms).flatMap(([arm, { classes, trials }]) => {
    const metrics = classes[className];
    if (metrics === undefined) return [];
    const cells = columns.map((column) => cell(column.metric, column.pick(metrics))).join('');
    const count = `<td>${metrics.requests}<span>${trials} ${trials === 1 ? 'trial' : 'trials'}</span></td>`;
    return [`<tr><th scope="row">${escapeHtml(arm)}</th>${cells}${count}</tr>`];
  });
  const heads = columns.map(({ head, unit }) => `<th scope="col">${head}<span>${unit}</span></th>`);
  const label = escapeHtml(`Table of ${className} requests`);
  return `<h3>${escapeHtml(className)}</h3>
<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table aria-label="${label}">
<thead><tr><th scope="col">arm</th>${heads.join('')}<th scope="col">requests</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}

function cell(metric: MetricName, estimate: SummaryEstimate | undefined): string {
  if (estimate === undefined) return '<td>none</td>';
  const { value, low, high } = estimate;
  const bare = (number: number) => quantity(metric, number).split(' ')[0] ?? '';
  const interval = low === null || high === null ? 'one trial' : `${bare(low)} to ${bare(high)}`;
  return `<td>${bare(value)}<span>${interval}</span></td>`;
}

const VERDICTS = {
  holds: '✓ holds',
  fails: '✗ fails',
  undecided: '? cannot tell',
} as const;

/** The claims of the experiment with their verdicts. */
export function claimList(summary: Summary): string {
  if (summary.findings.length === 0) return '<p>The experiment states no bounds.</p>';
  const items = summary.findings.map(
    ({ claim, verdict, words }) =>
      `<li><p class="verdict ${verdict}">${VERDICTS[verdict]}</p><p>${prose(claim)}</p><p class="measured">${prose(words)}</p></li>`,
  );
  return `<ul class="claims">${items.join('\n')}</ul>`;
}
