import {
  type MetricName,
  quantity,
  type Summary,
  type SummaryClass,
  type SummaryEstimate,
} from '../analysis/index.ts';
import { escapeHtml, prose } from './html.ts';

interface Column {
  readonly head: string;
  readonly metric: MetricName;
  pick(metrics: SummaryClass): SummaryEstimate;
}

const COLUMNS: readonly Column[] = [
  { head: 'p50', metric: 'latencyMs.p50', pick: (metrics) => metrics.latencyMs.p50 },
  { head: 'p90', metric: 'latencyMs.p90', pick: (metrics) => metrics.latencyMs.p90 },
  { head: 'p99', metric: 'latencyMs.p99', pick: (metrics) => metrics.latencyMs.p99 },
  { head: 'p99.9', metric: 'latencyMs.p999', pick: (metrics) => metrics.latencyMs.p999 },
  { head: 'goodput', metric: 'goodputBps', pick: (metrics) => metrics.goodputBps },
  { head: 'completed', metric: 'goodputRps', pick: (metrics) => metrics.goodputRps },
  { head: 'errors', metric: 'errorRatio', pick: (metrics) => metrics.errorRatio },
  { head: 'met the SLO', metric: 'sloAttainment', pick: (metrics) => metrics.sloAttainment },
];

/** The numbers of a class as a table: an arm a row, each value with its interval below. */
export function classTable(summary: Summary, className: string): string {
  const rows = Object.entries(summary.arms).flatMap(([arm, { classes, trials }]) => {
    const metrics = classes[className];
    if (metrics === undefined) return [];
    const cells = COLUMNS.map((column) => cell(column.metric, column.pick(metrics))).join('');
    return [
      `<tr><th scope="row">${escapeHtml(arm)}</th>${cells}<td>${metrics.requests}<span>${trials} ${trials === 1 ? 'trial' : 'trials'}</span></td></tr>`,
    ];
  });
  const heads = ['arm', ...COLUMNS.map(({ head }) => head), 'requests'];
  const title = `${className}: value over trials, 95 % interval below it`;
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(`Table of ${className} requests`)}"><table>
<caption>${escapeHtml(title)}</caption>
<thead><tr>${heads.map((head) => `<th scope="col">${escapeHtml(head)}</th>`).join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}

function cell(metric: MetricName, { value, low, high }: SummaryEstimate): string {
  const text = quantity(metric, value);
  const bare = (number: number) => quantity(metric, number).split(' ')[0] ?? '';
  const interval = low === null || high === null ? 'one trial' : `${bare(low)} to ${bare(high)}`;
  return `<td>${escapeHtml(text)}<span>${interval}</span></td>`;
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
