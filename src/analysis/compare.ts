import type { MetricName } from '../config/index.ts';
import type { Comparison } from './input.ts';
import { type Estimate, pairedDifference, pairedRatio } from './interval.ts';
import type { SummaryFinding, SummaryRatio } from './summary.ts';
import type { MetricTable } from './table.ts';

/** Compares two arms over the blocks that both have; undefined when there is none. */
export function compareArms(
  table: MetricTable,
  metric: MetricName,
  className: string,
  of: string,
  to: string,
): SummaryRatio | undefined {
  const denominators = new Map(
    (table.get(to)?.get(className) ?? []).map((cell) => [cell.block, cell.metrics[metric]]),
  );
  const numerator: number[] = [];
  const denominator: number[] = [];
  for (const cell of table.get(of)?.get(className) ?? []) {
    const other = denominators.get(cell.block);
    const own = cell.metrics[metric];
    if (own === undefined || other === undefined) continue;
    numerator.push(own);
    denominator.push(other);
  }
  if (numerator.length === 0) return undefined;
  const ratio = pairedRatio(numerator, denominator);
  return {
    metric,
    class: className,
    of,
    to,
    value: rounded(ratio.value),
    low: rounded(ratio.low),
    high: rounded(ratio.high),
    blocks: numerator.length,
    difference: roundedEstimate(pairedDifference(numerator, denominator)),
  };
}

/** What an interval, of a ratio or a difference, says of a claim: `holds` or `fails` only when the whole interval does. */
export function judge(
  compared: Pick<SummaryRatio, 'value' | 'low' | 'high'> | undefined,
  bounds: Pick<Comparison, 'atLeast' | 'atMost'>,
): SummaryFinding['verdict'] {
  if (compared === undefined || compared.low === null || compared.high === null) return 'undecided';
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = bounds;
  if (compared.low >= atLeast && compared.high <= atMost) return 'holds';
  return compared.high < atLeast || compared.low > atMost ? 'fails' : 'undecided';
}

/** A number with six significant digits: what `summary.json` keeps. */
function rounded<T extends number | null>(value: T): T {
  return (value === null ? null : Number(value.toPrecision(6))) as T;
}

/** An estimate with six significant digits. */
export function roundedEstimate(estimate: Estimate): Estimate {
  return { value: rounded(estimate.value), low: rounded(estimate.low), high: rounded(estimate.high) };
}
