import type { MetricName } from '../config/index.ts';
import type { SummaryEstimate, SummaryRatio } from './summary.ts';

type Interval = Pick<SummaryRatio, 'value' | 'low' | 'high'>;

/** A number as prose has it: three significant digits, no exponent, thousands apart. */
export function figure(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return value.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: 0 });
}

/** `12.3 ms`, `8.4 Mbit/s`, `98.5 %`: a value of a metric with its unit. */
export function quantity(metric: MetricName, value: number): string {
  if (metric === 'episode.moves') return `${figure(value)} moves`;
  if (/^(?:latencyMs|queueWaitMs|episode|step\.latencyMs|step\.timeToSettleMs)\./.test(metric)) {
    return `${figure(value)} ms`;
  }
  if (metric === 'goodputBps') return `${figure(value / 1e6)} Mbit/s`;
  if (metric === 'goodputRps' || metric === 'throughputRps' || metric === 'step.goodRps')
    return `${figure(value)} requests/s`;
  return `${percent(value)} %`;
}

/** A share in percent: a tenth is enough where there is more than one percent. */
function percent(share: number): string {
  const value = share * 100;
  return figure(value >= 1 ? Number(value.toFixed(1)) : Number(value.toPrecision(2)));
}

/** `12.3 ms (95 % interval 11 to 14 ms)`. */
export function quantityWithInterval(metric: MetricName, estimate: SummaryEstimate): string {
  const value = quantity(metric, estimate.value);
  if (estimate.low === null || estimate.high === null) return `${value} (one trial: no interval)`;
  const unit = value.slice(value.indexOf(' '));
  const bare = (number: number) => quantity(metric, number).replace(unit, '');
  return `${value} (95 % interval ${bare(estimate.low)} to ${bare(estimate.high)}${unit})`;
}

/** `12.3 ms [11, 14]`, or the value alone where there is no interval. */
export function quantityBracketed(metric: MetricName, { value, low, high }: SummaryEstimate): string {
  const shown = quantity(metric, value);
  if (low === null || high === null) return `${shown} (no interval)`;
  const bare = (number: number) => quantity(metric, number).split(' ')[0];
  return `${shown} [${bare(low)}, ${bare(high)}]`;
}

const LABELS: ReadonlyMap<string, string> = new Map([
  ['step.goodShare.before', 'good share before the step'],
  ['step.goodShare.during', 'good share during the step'],
  ['step.goodShare.after', 'good share after the step'],
  ['step.goodRps', 'good requests per second during the step'],
  ['step.latencyMs.p50', 'p50 latency during the step'],
  ['step.latencyMs.p99', 'p99 latency during the step'],
  ['step.timeToSettleMs.up', 'time to settle after the step up'],
  ['step.timeToSettleMs.down', 'time to settle after the step down'],
  ['episode.latencyMs.p50', 'p50 latency in the episode'],
  ['episode.latencyMs.p99', 'p99 latency in the episode'],
  ['episode.timeToHintMs', 'time to the first hint'],
  ['episode.timeToFirstMoveMs', 'time to the first move'],
  ['episode.timeToReliefMs', 'time to relief'],
  ['episode.moves', 'count of moves'],
]);

/** What people call a metric: `p99`, `goodput`. */
export function metricLabel(metric: string): string {
  const known = LABELS.get(metric);
  if (known !== undefined) return known;
  if (metric === 'latencyMs.mean') return 'mean latency';
  if (metric === 'latencyMs.p999') return 'p99.9 latency';
  if (metric.startsWith('latencyMs.')) return `${metric.slice('latencyMs.'.length)} latency`;
  if (metric === 'queueWaitMs.mean') return 'mean queue wait';
  if (metric.startsWith('queueWaitMs.')) return `${metric.slice('queueWaitMs.'.length)} queue wait`;
  if (metric === 'goodputBps') return 'goodput';
  if (metric === 'throughputRps') return 'throughput';
  if (metric === 'goodputRps') return 'completed requests per second';
  return metric === 'errorRatio' ? 'error ratio' : 'SLO attainment';
}

/** `3.2 [2.8, 3.6]`, or the value alone where there is no interval. */
export function bracketed({ value, low, high }: Interval): string {
  if (value === null) return 'undefined (division by zero)';
  if (low === null || high === null) return `${figure(value)} (no interval)`;
  return `${figure(value)} [${bound(low)}, ${bound(high)}]`;
}

/** Whether the data tell the ratio from 1; undefined where there is no interval. */
export function differsFromOne({ low, high }: Interval): boolean | undefined {
  return low === null || high === null ? undefined : low > 1 || high < 1;
}

/** Turns `a / b` into `b / a`. */
export function inverse({ value, low, high }: Interval): Interval {
  const turn = (number: number | null) => (number === null || number === 0 ? null : 1 / number);
  return { value: turn(value), low: turn(high), high: turn(low) };
}

/** A latency ratio baseline/arm in words: `3.2 times lower (95 % interval 2.8 to 3.6)`. */
export function timesLower(ratio: Interval): string {
  if (ratio.value === null) return 'not comparable (a zero)';
  const turned = ratio.value < 1;
  const shown = turned ? inverse(ratio) : ratio;
  return `${figure(shown.value ?? 1)} times ${turned ? 'higher' : 'lower'}${range(shown)}`;
}

/** A ratio arm/baseline as a share: `97.2 % (95 % interval 95 to 99.5 %)`. */
export function percentOf({ value, low, high }: Interval): string {
  if (value === null) return 'not comparable (a zero)';
  const share = `${figure(value * 100)} %`;
  return low === null || high === null
    ? `${share} (no interval)`
    : `${share} (95 % interval ${bound(low * 100)} to ${bound(high * 100)} %)`;
}

/** A ratio arm/baseline as a share: `97.2 % [95, 99.5]`. */
export function percentOfBracketed({ value, low, high }: Interval): string {
  if (value === null) return 'not comparable (a zero)';
  const share = `${figure(value * 100)} %`;
  return low === null || high === null
    ? `${share} (no interval)`
    : `${share} [${bound(low * 100)}, ${bound(high * 100)}]`;
}

function range({ low, high }: Interval): string {
  return low === null || high === null
    ? ' (no interval)'
    : ` (95 % interval ${bound(low)} to ${bound(high)})`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** A bound of a ratio; far from 1 its digits say nothing. */
function bound(value: number): string {
  if (value > 0 && value < 0.001) return '< 0.001';
  return value > 100_000 ? '> 100,000' : figure(value);
}

/** A sentence as an aside between brackets: small first letter, no full stop. */
export function aside(sentence: string): string {
  const [first = '', second = ''] = sentence;
  const small = second === second.toLowerCase() ? first.toLowerCase() : first;
  return `${small}${sentence.slice(1)}`.replace(/\.$/, '');
}
