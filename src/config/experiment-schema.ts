import type { z } from 'zod';
import { fields } from './fields.ts';
import { type DeepReadonly, lazy, zod } from './lazy.ts';
import {
  concurrencySchema,
  prefetchSchema,
  queueModeSchema,
  reactionSchema,
  sheddingSchema,
  targetDelaySchema,
} from './policy-schema.ts';

/** The figures that can be compared between two arms. */
export const METRIC_NAMES = [
  'latencyMs.p50',
  'latencyMs.p90',
  'latencyMs.p99',
  'latencyMs.p999',
  'latencyMs.mean',
  'goodputRps',
  'goodputBps',
  'errorRatio',
  'sloAttainment',
  'throughputRps',
  'queueWaitMs.p50',
  'queueWaitMs.p90',
  'queueWaitMs.p99',
  'queueWaitMs.mean',
  'episode.latencyMs.p50',
  'episode.latencyMs.p99',
  'episode.timeToHintMs',
  'episode.timeToFirstMoveMs',
  'episode.timeToReliefMs',
  'episode.moves',
  'step.goodShare.before',
  'step.goodShare.during',
  'step.goodShare.after',
  'step.goodRps',
  'step.latencyMs.p50',
  'step.latencyMs.p99',
  'step.timeToSettleMs.up',
  'step.timeToSettleMs.down',
] as const;

/** A figure that can be compared between two arms. */
export type MetricName = (typeof METRIC_NAMES)[number];

/** The node name under which the load generator is placed. */
export const GENERATOR = 'generator';

/** The node name under which the message broker is placed. */
export const BROKER = 'broker';

function formSchema() {
  const z = zod();
  const f = fields();
  return z.strictObject({
    trials: f.whole(1, 1000).describe('How many trials each arm gets.'),
    warmupMs: f.between(0, 3_600_000).describe('Load before the measurement, not counted.'),
    measureMs: f.milliseconds.describe('Length of the measurement.'),
    drainMs: f
      .between(0, 3_600_000)
      .describe('How long requests sent during the measurement may still take to end.'),
  });
}

function topologySchema() {
  const z = zod();
  const f = fields();
  const node = z
    .string()
    .regex(/^[a-z][a-z0-9]{0,14}$/, 'the name of a node of the topology, such as left1 or right2');
  return z
    .strictObject({
      name: z.enum(['dumbbell', 'dual-path']).describe('The topology.'),
      rateBps: f.whole(64_000, 100_000_000_000).describe('Rate of the bottleneck link, in bits per second.'),
      delayMs: f.between(0, 10_000).describe('One-way delay of the bottleneck link.'),
      queuePackets: f
        .whole(1, 1_000_000)
        .describe('How many packets may wait at the bottleneck when no class is told apart.'),
      placement: z
        .record(f.name, z.union([node, z.array(node).min(1).max(16)]))
        .describe(
          'Where each service, the `generator` and, where there is one, the `broker` stand: service to node, or to the nodes of its replicas.',
        ),
    })
    .describe('The emulated network.');
}

function armSchema() {
  const z = zod();
  const f = fields();
  return z.strictObject({
    description: f.text(500).describe('What the arm is, in a sentence; it stands in the figures.'),
    sidecars: z.boolean().default(true).describe('Whether requests pass through sidecars.'),
    layers: z.array(f.layer).max(6).default([]).describe('The columns of the policy that are switched on.'),
    workloads: z.exactOptional(
      z.array(f.name).min(1).max(64).describe('The workloads that run in this arm. Default: all.'),
    ),
    broker: z.exactOptional(
      z
        .strictObject({ prefetch: prefetchSchema() })
        .describe("What this arm does otherwise than the policy's `broker` says."),
    ),
    queue: z.exactOptional(
      z
        .strictObject({
          mode: z.exactOptional(queueModeSchema()),
          concurrency: z.exactOptional(concurrencySchema()),
          shedding: z.exactOptional(sheddingSchema()),
          targetDelayMs: z.exactOptional(targetDelaySchema()),
        })
        .describe("What this arm does otherwise than the policy's `queue` says."),
    ),
    network: z.exactOptional(
      z
        .strictObject({
          reactions: z.exactOptional(
            z
              .array(reactionSchema())
              .max(64)
              .describe("Instead of the policy's reactions; an empty list: hints, and nothing is done."),
          ),
          spread: z.exactOptional(
            z
              .enum(['default', 'hash'])
              .describe(
                '`hash`: switches spread connections over all paths (ECMP); `default`: everything takes the first path.',
              ),
          ),
        })
        .describe(
          "What the network does in this arm, and who reacts, otherwise than the policy's `network` says.",
        ),
    ),
    crossTraffic: z.exactOptional(
      z.array(f.name).max(16).describe('The cross traffic that runs in this arm. Default: all.'),
    ),
  });
}

function comparisonSchema() {
  const z = zod();
  const f = fields();
  return z
    .strictObject({
      metric: z.enum(METRIC_NAMES).describe('The figure that is compared.'),
      class: f.name.describe('The class whose figure it is.'),
      kind: z
        .enum(['ratio', 'difference', 'value'])
        .default('ratio')
        .describe(
          '`ratio`: value(of) / value(to); `difference`: value(of) - value(to); `value`: value(of) by itself. The latter two are in the unit of the metric.',
        ),
      of: f.name.describe('The arm whose value is compared.'),
      to: z.exactOptional(
        f.name.describe('The arm that it is compared with. Left out where kind is `value`.'),
      ),
      atLeast: z.exactOptional(
        f.between(-1e9, 1e9).describe('Ratio, difference or value must be at least this.'),
      ),
      atMost: z.exactOptional(
        f.between(-1e9, 1e9).describe('Ratio, difference or value must be at most this.'),
      ),
      claim: f.text(500).describe('What is claimed, in a sentence.'),
    })
    .describe('One comparison of two arms, or one value, and the bounds that the experiment claims for it.');
}

function workloadSchema() {
  const z = zod();
  const f = fields();
  return z.strictObject({
    name: f.name.describe('The name of the workload.'),
    class: f.name.describe('The class that its requests are counted under; the policy must give it to them.'),
    method: f.method.default('GET').describe('The request method.'),
    path: f.path.describe('The request target.'),
    arrivals: z
      .enum(['poisson', 'fixed-count', 'constant'])
      .default('poisson')
      .describe(
        'How requests are spaced: exponential gaps; as many as the rate asks for at uniform times (Poisson, given its count); equal gaps. All are open loop: they never wait for responses.',
      ),
    rateRps: f.positive(100_000).describe('Mean rate, in requests per second.'),
    steps: z
      .array(
        z
          .strictObject({
            atMs: f.between(0, 3_600_000).describe('When, after the start of the measurement.'),
            rateRps: f.positive(100_000).describe('Mean rate from then on, in requests per second.'),
          })
          .describe('A step of the load.'),
      )
      .max(16)
      .default([])
      .describe(
        'How the rate changes while it is measured. From the first step of any workload to the last one the `step.*` metrics speak of; the last one goes back.',
      ),
    timeoutMs: f.milliseconds.default(10_000).describe('A request that takes longer counts as failed.'),
  });
}

function auditSchema() {
  const z = zod();
  const f = fields();
  return z
    .strictObject({
      maxLateSendRatio: f.ratio
        .default(0.01)
        .describe('The most of the requests that the generator may send late.'),
      lateAfterMs: f.milliseconds
        .default(5)
        .describe('A request that is sent this long after its intended time is late.'),
      maxP99LatenessMs: f.milliseconds
        .default(20)
        .describe('How late 99 percent of the requests may be sent at most, after their intended time.'),
      maxStealRatio: f.ratio
        .default(0.05)
        .describe('The most of the processor time that a hypervisor may give to others (steal).'),
      minIdleRatio: f.ratio
        .default(0.05)
        .describe(
          'The least of the processor time that must be idle; below it the machine is the bottleneck.',
        ),
      maxClockStepMs: f.milliseconds
        .default(100)
        .describe('The most that the wall clock may be set during a trial.'),
      maxLinkRateError: f.ratio
        .default(0.05)
        .describe('How far above its rate a bottleneck link may carry, as a share of the rate.'),
      maxMissingCrossTrafficRatio: f.ratio
        .default(0.05)
        .describe(
          'The most of a flow of cross traffic that may be left out because the sender did not get to run in time.',
        ),
      maxVoidRatio: f.ratio
        .default(0.25)
        .describe('The most of the trials that may stay void; beyond it the whole run is untrusted.'),
      maxRetries: f.whole(0, 100).default(2).describe('How often one void trial is repeated.'),
    })
    .prefault({})
    .describe('When a trial cannot be trusted: it is void, and repeated.');
}

function crossTrafficSchema() {
  const z = zod();
  const f = fields();
  const node = z.string().regex(/^(left|right)[1-9]\d{0,1}$/, 'a host of the topology, such as left1');
  return z
    .strictObject({
      name: f.name.describe('The name of the flow.'),
      from: node.describe('The host that sends.'),
      to: node.describe('The host that receives.'),
      rateBps: f.whole(1000, 100_000_000_000).describe('Rate on the wire, in bits per second, constant.'),
      startMs: f.between(0, 3_600_000).describe('When it begins, after the start of the measurement.'),
      durationMs: f.milliseconds.describe('How long it lasts.'),
    })
    .describe(
      'A flow of UDP packets that no sidecar sees: traffic of somebody else. It takes the first path.',
    );
}

/** An experiment: topology, load, arms, and what is claimed about them. */
export const experimentSchema = lazy(() => {
  const z = zod();
  const f = fields();
  const form = formSchema();
  return z
    .strictObject({
      schema: z.literal('priomesh/experiment/v1').describe('The form of this file.'),
      name: f.name.describe('The name of the experiment.'),
      title: f.text(200).describe('The title of notebook and page.'),
      claim: f.text(2000).describe('What the experiment is to show, in a sentence or two.'),
      policy: f.fileName.describe('The policy file, relative to this file.'),
      application: f.fileName.describe('The application graph, relative to this file.'),
      topology: topologySchema(),
      baselineCongestionControl: f.algorithm
        .default('cubic')
        .describe('The congestion control of every socket where the transport layer is off.'),
      broker: z.exactOptional(
        z
          .strictObject({
            sampleMs: f
              .between(50, 60_000)
              .default(250)
              .describe(
                'How often the depths of the queues are read; RabbitMQ renews its own figures once a second.',
              ),
          })
          .describe('The message broker: a RabbitMQ on the node where `broker` is placed.'),
      ),
      controller: z.exactOptional(
        z
          .strictObject({
            pollMs: f.between(5, 10_000).default(20).describe('How often the controller reads the switches.'),
          })
          .describe(
            'The SDN controller: the switches are its, and arms with the layer `network` get hints from it.',
          ),
      ),
      crossTraffic: z
        .array(crossTrafficSchema())
        .max(16)
        .default([])
        .describe(
          'Flows of others. The first one that starts begins the episode that `episode.*` metrics speak of.',
        ),
      entry: f.name.describe('The service that the generator calls.'),
      workloads: z.array(workloadSchema()).min(1).max(64).describe('What the generator sends.'),
      arms: z.record(f.name, armSchema()).describe('The variants that are compared, by name.'),
      comparisons: z
        .array(comparisonSchema())
        .max(1000)
        .default([])
        .describe('The ratios and differences that are computed, with an interval each.'),
      control: z.exactOptional(
        z
          .strictObject({ of: f.name.describe('The arm that is run twice.') })
          .describe(
            'The A/A control: one arm is run twice, in the full form, and must not differ from itself.',
          ),
      ),
      forms: z
        .strictObject({
          quick: form.describe('A few minutes: shows the effect.'),
          full: form.describe('The real thing: tight intervals.'),
        })
        .describe('How long and how often.'),
      seed: f
        .whole(0, 4_294_967_295)
        .default(1)
        .describe('The root of all random numbers: order of trials, arrival times.'),
      audit: auditSchema(),
    })
    .meta({
      title: 'priomesh experiment',
      description: 'What is run, how often, and what is claimed about it.',
    });
});

/** An experiment, checked and with its defaults filled in. */
export type Experiment = DeepReadonly<z.output<ReturnType<typeof experimentSchema>>>;
/** How many trials, and how long. */
export type Form = Experiment['forms']['quick'];
/** A stream of requests that the generator sends. */
export type Workload = Experiment['workloads'][number];
/** A flow of others. */
export type CrossTraffic = Experiment['crossTraffic'][number];
/** When a trial cannot be trusted. */
export type AuditLimits = Experiment['audit'];
