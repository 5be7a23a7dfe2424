export { judge } from './compare.ts';
export { type EpisodeMetric, RELIEF_WINDOW_MS } from './episode.ts';
export type { ArmInput, AuditInput, Comparison, SummaryInput } from './input.ts';
export {
  type Estimate,
  geometricInterval,
  meanInterval,
  pairedDifference,
  pairedRatio,
  proportionInterval,
  type RatioEstimate,
} from './interval.ts';
export { type LoadPoint, loadOverTime } from './load-over-time.ts';
export {
  type LinkClassSample,
  latencyOverTime,
  levelOverTime,
  shareOverTime,
} from './network-series.ts';
export { bracketed, figure, quantity } from './phrases.ts';
export { quantileSorted } from './quantile.ts';
export { type DepthPoint, depthOverTime, totalReady } from './queue-depths.ts';
export type {
  Episode,
  HintEvent,
  MeasuringWindow,
  MoveEvent,
  NetworkEvents,
  QueueSample,
  RequestObjective,
  RequestRecord,
  ThroughputBin,
  Trial,
} from './records.ts';
export { type CcdfPoint, ccdf, type RatePoint, rateOverTime } from './series.ts';
export { studentCentralProbability, studentQuantile } from './student.ts';
export { find, summarize } from './summarize.ts';
export {
  type Summary,
  type SummaryArm,
  type SummaryClass,
  type SummaryEstimate,
  type SummaryFinding,
  type SummaryLimitation,
  type SummaryQueue,
  type SummaryRatio,
  summaryJsonSchema,
  summarySchema,
} from './summary.ts';
export {
  latencyMs,
  meetsObjective,
  type RequestLimits,
  succeeded,
  type TrialMetrics,
  trialMetrics,
} from './trial-metrics.ts';
export { isTrusted } from './trust.ts';
