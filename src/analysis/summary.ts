import { z } from 'zod';

const estimate = z
  .strictObject({
    value: z.number(),
    low: z.number().nullable(),
    high: z.number().nullable(),
  })
  .describe(
    'A value over the trials with its 95 % interval; the bounds are null when there is only one trial.',
  );

const step = z
  .strictObject({
    goodShare: z
      .strictObject({
        before: estimate.optional(),
        during: estimate.optional(),
        after: estimate.optional(),
      })
      .describe("Share of the requests that met the class's objective, by when they were due."),
    goodRps: estimate.optional(),
    latencyMs: z.strictObject({ p50: estimate, p99: estimate }).optional(),
    timeToSettleMs: z.strictObject({ up: estimate.optional(), down: estimate.optional() }),
  })
  .optional()
  .describe(
    'The step of the load; what `statistics.step` says of each figure. A figure is absent where no trial has it. Absent in an experiment without a step.',
  );

const classMetrics = z.strictObject({
  requests: z.int().min(1).describe('Requests that were due in the measuring windows of all trials.'),
  latencyMs: z
    .strictObject({ p50: estimate, p90: estimate, p99: estimate, p999: estimate, mean: estimate })
    .describe(
      'Latency from the intended send time, milliseconds; a failed request counts as its time-out, one cut off by the end of the trial as the time it had waited.',
    ),
  queueWaitMs: z
    .strictObject({ p50: estimate, p90: estimate, p99: estimate, mean: estimate })
    .optional()
    .describe(
      'Wait in the message queue, milliseconds: from the call to the moment when a worker begins with it; a failed request counts with its latency. Absent where requests of the class pass no queue.',
    ),
  goodputRps: estimate.describe('Successful requests per second.'),
  throughputRps: estimate
    .optional()
    .describe(
      'Successful responses that ended in the measuring window, whenever they were due, per second. Absent in summaries of older versions.',
    ),
  goodputBps: estimate.describe('Response-body bits that arrived in the measuring window, per second.'),
  errorRatio: estimate.describe('Share of the requests that failed.'),
  sloAttainment: estimate.describe("Share of the requests that met the class's objective."),
  episode: z
    .strictObject({
      latencyMs: z.strictObject({ p50: estimate, p99: estimate }).optional(),
      timeToHintMs: estimate.optional(),
      timeToFirstMoveMs: estimate.optional(),
      timeToReliefMs: estimate.optional(),
      moves: estimate.optional(),
    })
    .optional()
    .describe(
      'The time in which cross traffic flows, milliseconds; what `statistics.episode` says of each figure. A figure is absent where no trial has it. Absent in an experiment without cross traffic.',
    ),
  step,
});

const queue = z.strictObject({
  ready: z
    .record(z.string(), estimate)
    .describe(
      'Messages that waited in the broker, by AMQP priority: mean over the samples of a measuring window.',
    ),
  unacked: estimate.describe('Messages that were delivered and not acknowledged, likewise.'),
  mostReady: z.int().min(0).describe('The most messages that waited at once in any trial.'),
});

const arm = z.strictObject({
  layers: z.array(z.string()).describe('The layers that were on.'),
  sidecars: z.boolean(),
  description: z.string(),
  trials: z.int().min(1).describe('Trials that passed the audit; the figures are over these.'),
  classes: z.record(z.string(), classMetrics).describe('A class without load in this arm is left out.'),
  queues: z
    .record(z.string(), queue)
    .optional()
    .describe('The message queues, by name. Absent without a broker.'),
});

const ratio = z.strictObject({
  metric: z.string(),
  class: z.string(),
  of: z.string().describe('The arm of the numerator.'),
  to: z.string().describe('The arm of the denominator.'),
  value: z.number().nullable().describe('metric(of) / metric(to); null when the denominator is zero.'),
  low: z.number().nullable(),
  high: z.number().nullable(),
  blocks: z.int().min(1).describe('Blocks in which both arms have a trial.'),
  difference: estimate.describe("metric(of) - metric(to), in the metric's unit."),
});

const finding = z.strictObject({
  claim: z.string(),
  kind: z
    .enum(['ratio', 'difference', 'value'])
    .optional()
    .describe(
      'What the bounds are of; absent: the ratio. A difference and a value are in the unit of the metric; a value is of one arm, which is `of` and `to`.',
    ),
  metric: z.string(),
  class: z.string(),
  of: z.string(),
  to: z.string(),
  atLeast: z.number().optional(),
  atMost: z.number().optional(),
  verdict: z
    .enum(['holds', 'fails', 'undecided'])
    .describe('holds or fails when the whole interval is on one side of the bound; else undecided.'),
  words: z.string(),
});

const limitation = z.strictObject({
  layer: z.string(),
  arms: z.array(z.string()),
  what: z.string(),
  why: z.string(),
  instead: z.string(),
});

const audit = z.strictObject({
  verdict: z.enum(['trusted', 'untrusted']),
  trials: z.int().min(0).describe('Trials that passed the audit.'),
  void: z.int().min(0).describe('Trials that failed the audit; no figure contains them.'),
  reasons: z.array(z.string()).describe('Why trials were void, each once, with how often.'),
  laboratory: z.array(z.string()).describe('What the laboratory could not offer, a sentence each.'),
  control: z
    .strictObject({ arm: z.string(), of: z.string(), words: z.string() })
    .optional()
    .describe(
      'The A/A control: an arm that was run twice; its ratios show what the method calls a difference when there is none.',
    ),
});

/**
 * The one description of `summary.json`: its type, its check and its published JSON Schema come from here.
 */
export const summarySchema = z
  .strictObject({
    schema: z.literal('priomesh/summary/v1'),
    experiment: z.string().describe('The name of the experiment.'),
    title: z.string(),
    lab: z.string().describe('Where it ran: mininet or local.'),
    form: z.string().describe('quick or full.'),
    windowMs: z.number().describe('Length of the measuring window of each trial, milliseconds.'),
    baseline: z.string().describe('The arm that the single-layer arms are compared with.'),
    statistics: z.strictObject({
      confidence: z.number(),
      quantiles: z.string(),
      intervals: z.string(),
      ratios: z.string(),
      failures: z.string(),
      episode: z.string().optional(),
      step: z.string().optional(),
    }),
    arms: z.record(z.string(), arm),
    ratios: z.array(ratio),
    findings: z.array(finding),
    words: z.strictObject({ paragraph: z.string(), points: z.array(z.string()) }),
    limitations: z.array(limitation),
    audit,
  })
  .meta({ title: 'Summary of an experiment of priomesh' });

/** What `summary.json` holds. */
export type Summary = z.infer<typeof summarySchema>;
/** A value over trials with its interval, as in `summary.json`. */
export type SummaryEstimate = z.infer<typeof estimate>;
/** An arm as in `summary.json`. */
export type SummaryArm = z.infer<typeof arm>;
/** The metrics of a class in an arm, as in `summary.json`. */
export type SummaryClass = z.infer<typeof classMetrics>;
/** What a message queue held in an arm, as in `summary.json`. */
export type SummaryQueue = z.infer<typeof queue>;
/** A comparison of two arms, as in `summary.json`. */
export type SummaryRatio = z.infer<typeof ratio>;
/** The verdict on one claim of the experiment, as in `summary.json`. */
export type SummaryFinding = z.infer<typeof finding>;
/** What a layer could not do, as in `summary.json`. */
export type SummaryLimitation = z.infer<typeof limitation>;

/** The published JSON Schema (2020-12) of `summary.json`. */
export function summaryJsonSchema(): object {
  return z.toJSONSchema(summarySchema);
}
