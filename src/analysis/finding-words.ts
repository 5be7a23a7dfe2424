import type { Comparison } from './input.ts';
import {
  bracketed,
  differsFromOne,
  figure,
  listed,
  metricLabel,
  quantity,
  quantityBracketed,
} from './phrases.ts';
import type { SummaryEstimate, SummaryFinding, SummaryRatio } from './summary.ts';
import { isMetricName } from './trial-metrics.ts';

/** What was measured of one claim, and why it does not settle it where it does not. */
export function findingWords(
  comparison: Comparison,
  found: SummaryRatio | undefined,
  verdict: SummaryFinding['verdict'],
): string {
  const { metric, kind, class: className, of, to, atLeast, atMost } = comparison;
  const unit = kind === 'difference' && isMetricName(metric) ? metric : undefined;
  const shown = (value: number) => (unit === undefined ? figure(value) : quantity(unit, value));
  const what = `${capital(className)} ${metricLabel(metric)} of \`${of}\` ${unit === undefined ? 'over' : 'less'} that of \`${to}\``;
  const bound = listed([
    ...(atLeast === undefined ? [] : [`at least ${shown(atLeast)}`]),
    ...(atMost === undefined ? [] : [`at most ${shown(atMost)}`]),
  ]);
  if (found === undefined) return `${what} is not known: no block has both arms (claimed: ${bound}).`;
  const value = unit === undefined ? bracketed(found) : quantityBracketed(unit, found.difference);
  const measured = `${what} is ${value}; claimed is ${bound}`;
  if (verdict !== 'undecided') return `${measured}.`;
  const { low } = unit === undefined ? found : found.difference;
  return low === null
    ? `${measured}, and there is no interval to judge by.`
    : `${measured}, which the interval straddles.`;
}

/** The same of a claim about the value of one arm. */
export function valueWords(
  { metric, class: className, of, atLeast, atMost }: Comparison,
  found: SummaryEstimate | undefined,
  verdict: SummaryFinding['verdict'],
): string {
  const unit = isMetricName(metric) ? metric : undefined;
  const shown = (value: number) => (unit === undefined ? figure(value) : quantity(unit, value));
  const bound = listed([
    ...(atLeast === undefined ? [] : [`at least ${shown(atLeast)}`]),
    ...(atMost === undefined ? [] : [`at most ${shown(atMost)}`]),
  ]);
  const what = `${capital(className)} ${metricLabel(metric)} of \`${of}\``;
  if (found === undefined) return `${what} is not known: no trial has it (claimed: ${bound}).`;
  const value = unit === undefined ? bracketed(found) : quantityBracketed(unit, found);
  const measured = `${what} is ${value}; claimed is ${bound}`;
  if (verdict !== 'undecided') return `${measured}.`;
  return found.low === null
    ? `${measured}, and there is no interval to judge by.`
    : `${measured}, which the interval straddles.`;
}

/** What the A/A control showed. */
export function controlWords(
  control: { readonly arm: string; readonly of: string },
  ratios: readonly SummaryRatio[],
): string {
  const own = ratios.filter(
    ({ of, to }) => (of === control.arm && to === control.of) || (of === control.of && to === control.arm),
  );
  if (own.length === 0) return `\`${control.of}\` was run twice, but the two share no block.`;
  const told = own.filter((one) => differsFromOne(one) === true);
  const judged = own.filter((one) => differsFromOne(one) !== undefined).length;
  const expected = `of ${judged} ratios of \`${control.of}\` against itself ${told.length} ${told.length === 1 ? 'has' : 'have'} an interval without 1 (about ${figure(judged * 0.05)} are expected by chance)`;
  const shown = ['latencyMs.p99', 'queueWaitMs.mean'].flatMap((metric) => {
    const values = own.filter((one) => one.metric === metric).map((one) => `${one.class} ${bracketed(one)}`);
    const label = metric === 'latencyMs.p99' ? 'p99' : metricLabel(metric);
    return values.length === 0 ? [] : [`${label}: ${values.join(', ')}`];
  });
  return `A/A control: ${[expected, ...shown].join('; ')}.`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
