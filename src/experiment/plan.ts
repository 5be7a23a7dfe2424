import { createHash } from 'node:crypto';
import path from 'node:path';
import {
  BROKER,
  type CrossTraffic,
  type Form,
  loadStudy,
  nodesOf,
  type Study,
  type Workload,
} from '../config/index.ts';
import type { BottleneckPort, LayerName, LayerPlan, Platform, Policy, Site } from '../core/index.ts';
import type { LabKind } from '../lab/index.ts';
import { LAYERS } from './layers.ts';
import { buildSchedule, type ScheduledTrial } from './schedule.ts';

/** Which of an experiment's two lengths is run. */
export type FormName = 'quick' | 'full';

/** An experiment with its policy and its application graph, read and checked against each other. */
export type ExperimentSource = Study;

/** One arm, with what each of its layers would do. */
export interface ArmPlan {
  readonly name: string;
  readonly description: string;
  readonly sidecars: boolean;
  readonly layers: readonly LayerName[];
  readonly workloads: readonly Workload[];
  /** The experiment's policy with what this arm does otherwise. */
  readonly policy: Policy;
  /** Whether something in this arm sends messages, so that a message broker has to run. */
  readonly usesBroker: boolean;
  /** How switches choose paths where nothing steers; absent where there is no controller. */
  readonly spread?: 'default' | 'hash';
  /** Whether the network tells of congestion in this arm: a bridge and a control plane run. */
  readonly usesHints: boolean;
  readonly crossTraffic: readonly CrossTraffic[];
  readonly layerPlans: readonly LayerPlan[];
}

/** Everything that a run is going to do: a pure value, printed by `priomesh plan` and kept in the manifest. */
export interface ExperimentPlan {
  readonly source: ExperimentSource;
  readonly lab: LabKind;
  readonly formName: FormName;
  readonly form: Form;
  readonly platform: Platform;
  readonly arms: readonly ArmPlan[];
  readonly schedule: readonly ScheduledTrial[];
  /** What the run takes without set-up and repeats. */
  readonly durationMs: number;
  /** SHA-256 over everything that decides the outcome: two runs with one digest may be joined. */
  readonly digest: string;
}

/** What a trial costs beside its load: starting and stopping processes. A figure for the time estimate only. */
const TRIAL_OVERHEAD_MS = 2500;

/** Reads an experiment: `where` is its folder or its file. */
export async function loadExperimentSource(where: string): Promise<ExperimentSource> {
  return loadStudy(/\.(ya?ml|json)$/.test(where) ? where : path.join(where, 'experiment.yaml'));
}

/** The places that layers act on, for an experiment in a laboratory with these bottleneck ports. */
export function siteOf(source: ExperimentSource, ports: readonly BottleneckPort[]): Site {
  const { experiment } = source;
  const [brokerNode] = nodesOf(experiment, BROKER);
  return {
    ports,
    sidecarNodes: [
      ...new Set(Object.keys(source.graph.services).flatMap((service) => nodesOf(experiment, service))),
    ],
    baselineCongestionControl: source.experiment.baselineCongestionControl,
    ...(brokerNode === undefined ? {} : { brokerNode }),
  };
}

/** Whether services use queues by themselves, whatever the sidecars do. */
const sendsMessages = ({ graph }: ExperimentSource): boolean =>
  Object.values(graph.services).some(
    ({ consumes, routes }) =>
      consumes !== undefined || routes.some(({ calls }) => calls.some(({ via }) => via === 'amqp')),
  );

function planArms(
  source: ExperimentSource,
  { platform, lab, formName }: { platform: Platform; lab: LabKind; formName: FormName },
  site: Site,
): ArmPlan[] {
  const { experiment } = source;
  const hasController = experiment.controller !== undefined && lab === 'mininet';
  const arms = Object.entries(experiment.arms).map(([name, arm]): ArmPlan => {
    const broker = { ...source.policy.broker, ...arm.broker };
    const network = {
      ...source.policy.network,
      reactions: source.reactions[name] ?? source.policy.network.reactions,
    };
    const queue = { ...source.policy.queue, ...arm.queue };
    const policy = { ...source.policy, queue, broker, network };
    const layerPlans = LAYERS.filter((layer) => arm.layers.includes(layer.name)).map((layer) =>
      layer.plan(policy, platform, site),
    );
    const queued = policy.routes.length > 0 && layerPlans.some((one) => one.layer === 'broker' && one.served);
    return {
      name,
      description: arm.description,
      sidecars: arm.sidecars,
      layers: arm.layers,
      workloads: experiment.workloads.filter((one) => arm.workloads?.includes(one.name) ?? true),
      policy,
      usesBroker: experiment.broker !== undefined && (queued || sendsMessages(source)),
      ...(hasController ? { spread: arm.network?.spread ?? 'default' } : {}),
      usesHints: hasController && arm.layers.includes('network'),
      crossTraffic: experiment.crossTraffic.filter((one) => arm.crossTraffic?.includes(one.name) ?? true),
      layerPlans,
    };
  });
  const control = experiment.control?.of;
  const original = arms.find((arm) => arm.name === control);
  if (formName === 'full' && original !== undefined) {
    arms.push({
      ...original,
      name: `${original.name}-control`,
      description: `A/A control: the same as ${original.name}; what differs is noise.`,
    });
  }
  return arms;
}

/** Plans a run. Pure: the same files, platform and ports give the same plan. */
export function planExperiment(
  source: ExperimentSource,
  options: {
    formName: FormName;
    lab: LabKind;
    platform: Platform;
    ports: readonly BottleneckPort[];
    trials?: number;
  },
): ExperimentPlan {
  const { experiment } = source;
  const declared = experiment.forms[options.formName];
  const form = options.trials === undefined ? declared : { ...declared, trials: options.trials };
  const arms = planArms(source, options, siteOf(source, options.ports));
  const schedule = buildSchedule(
    arms.map((arm) => arm.name),
    form.trials,
    experiment.seed,
  );
  const trialMs = form.warmupMs + form.measureMs + TRIAL_OVERHEAD_MS;
  const decides = { experiment, policy: source.policy, graph: source.graph, form, lab: options.lab, arms };
  return {
    source,
    lab: options.lab,
    formName: options.formName,
    form,
    platform: options.platform,
    arms,
    schedule,
    durationMs: schedule.length * trialMs,
    digest: createHash('sha256').update(JSON.stringify(decides)).digest('hex'),
  };
}
