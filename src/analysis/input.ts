import type { Episode, MeasuringWindow, RequestObjective, Trial } from './records.ts';

/** An arm of the experiment as the analysis needs it. */
export interface ArmInput {
  readonly layers: readonly string[];
  readonly sidecars: boolean;
  readonly description: string;
  /** Whether it carries every workload; an arm that leaves some out is an ideal, not an alternative. */
  readonly allWorkloads: boolean;
}

/**
 * A claim of the experiment: `metric(of) / metric(to)`, for a difference `metric(of) - metric(to)`, for a value `metric(of)` (and `to` is the
 * same arm), of a class, and the bounds it is to keep, those of differences and values in the unit of the metric.
 */
export interface Comparison {
  readonly metric: string;
  /** Default: ratio. */
  readonly kind?: 'ratio' | 'difference' | 'value' | undefined;
  readonly class: string;
  readonly of: string;
  readonly to: string;
  readonly atLeast?: number | undefined;
  readonly atMost?: number | undefined;
  readonly claim: string;
}

/** What was void, in the audit of a run. */
export interface AuditInput {
  readonly trusted: boolean;
  /** One entry for each void trial: why. */
  readonly void: readonly string[];
  /** What the laboratory could not offer, a sentence each. */
  readonly laboratory: readonly string[];
}

/** Everything that a summary is computed from. */
export interface SummaryInput {
  readonly experiment: string;
  readonly title: string;
  readonly lab: string;
  readonly form: string;
  readonly window: MeasuringWindow;
  /** When cross traffic flows; absent in an experiment without. */
  readonly episode?: Episode | undefined;
  /** From the step of the load up to the step down; absent in an experiment without. */
  readonly step?: Episode | undefined;
  /** In the order they are shown. */
  readonly arms: Readonly<Record<string, ArmInput>>;
  /** The most important class first. */
  readonly classes: readonly { readonly name: string; readonly objective: RequestObjective }[];
  /** Time-out of each workload, milliseconds. */
  readonly timeoutsMs: Readonly<Record<string, number>>;
  readonly comparisons: readonly Comparison[];
  readonly control?: { readonly arm: string; readonly of: string } | undefined;
  readonly trials: readonly Trial[];
  readonly limitations: readonly {
    readonly layer: string;
    readonly arms: readonly string[];
    readonly what: string;
    readonly why: string;
    readonly instead: string;
  }[];
  readonly audit: AuditInput;
  /** What was seen in an arm that explains its effect or its lack, a sentence each. */
  readonly evidence: Readonly<Record<string, readonly string[]>>;
}
