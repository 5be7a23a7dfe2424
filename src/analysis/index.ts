export { judge } from './compare.ts';
export type { ArmInput, AuditInput, Comparison, SummaryInput } from './input.ts';
export {
  CONFIDENCE,
  type Estimate,
  geometricInterval,
  meanInterval,
  pairedDifference,
  pairedRatio,
  proportionInterval,
  type RatioEstimate,
} from './interval.ts';
export { bracketed, figure, metricLabel, quantity } from './phrases.ts';
export { quantileSorted } from './quantile.ts';
export type { MeasuringWindow, RequestObjective, RequestRecord, ThroughputBin, Trial } from './records.ts';
export { type CcdfPoint, ccdf, median, type RatePoint, rateOverTime } from './series.ts';
export { studentCentralProbability, studentQuantile } from './student.ts';
export { find, summarize } from './summarize.ts';
export {
  type Summary,
  type SummaryArm,
  type SummaryClass,
  type SummaryEstimate,
  type SummaryFinding,
  type SummaryLimitation,
  type SummaryRatio,
  summaryJsonSchema,
  summarySchema,
} from './summary.ts';
export {
  isMetricName,
  latencyMs,
  meetsObjective,
  type RequestLimits,
  smallerIsBetter,
  succeeded,
  type TrialMetrics,
  trialMetrics,
} from './trial-metrics.ts';
