import { createHash } from 'node:crypto';
import path from 'node:path';
import {
  type ApplicationGraph,
  type Experiment,
  type Form,
  loadApplicationGraph,
  loadExperiment,
  loadPolicy,
  type Workload,
} from '../config/index.ts';
import {
  type BottleneckPort,
  type LayerName,
  type LayerPlan,
  type Platform,
  type Policy,
  PriomeshError,
  type Site,
} from '../core/index.ts';
import type { LabKind } from '../lab/index.ts';
import { LAYERS } from './layers.ts';
import { buildSchedule, type ScheduledTrial } from './schedule.ts';

/** Which of an experiment's two lengths is run. */
export type FormName = 'quick' | 'full';

/** The files of an experiment, read and checked. */
export interface ExperimentSource {
  readonly file: string;
  readonly experiment: Experiment;
  readonly policy: Policy;
  readonly graph: ApplicationGraph;
}

/** One arm, with what each of its layers would do. */
export interface ArmPlan {
  readonly name: string;
  readonly description: string;
  readonly sidecars: boolean;
  readonly layers: readonly LayerName[];
  readonly workloads: readonly Workload[];
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

/**
 * Reads an experiment: `where` is its folder or its file. The policy and the application graph that it names are read
 * too, and the references between the three are checked.
 */
export async function loadExperimentSource(where: string): Promise<ExperimentSource> {
  const file = /\.ya?ml$/.test(where) ? where : path.join(where, 'experiment.yaml');
  const experiment = await loadExperiment(file);
  const beside = (name: string): string => path.resolve(path.dirname(file), name);
  const [policy, graph] = await Promise.all([
    loadPolicy(beside(experiment.policy)),
    loadApplicationGraph(beside(experiment.application)),
  ]);
  checkReferences(file, experiment, policy, graph);
  return { file, experiment, policy, graph };
}

function checkReferences(
  file: string,
  experiment: Experiment,
  policy: Policy,
  graph: ApplicationGraph,
): void {
  const refuse = (message: string, fix: string): never => {
    throw new PriomeshError('CONFIG_INVALID', message, { place: { file, line: 1, column: 1 }, fix });
  };
  const services = Object.keys(graph.services);
  for (const service of services) {
    if (experiment.topology.placement[service] === undefined) {
      refuse(
        `topology.placement names no node for the service ${service}`,
        `add \`${service}: NODE\` to placement`,
      );
    }
  }
  if (experiment.topology.placement['generator'] === undefined) {
    refuse('topology.placement names no node for the generator', 'add `generator: NODE` to placement');
  }
  if (!services.includes(experiment.entry)) {
    refuse(
      `entry names the service ${experiment.entry}, which the graph does not have`,
      `one of ${services.join(', ')}`,
    );
  }
  for (const workload of experiment.workloads) {
    if (!policy.classes.some((one) => one.name === workload.class)) {
      refuse(
        `workload ${workload.name} names the class ${workload.class}, which the policy does not have`,
        `one of ${policy.classes.map((one) => one.name).join(', ')}`,
      );
    }
  }
}

/** The places that layers act on, for an experiment in a laboratory with these bottleneck ports. */
export function siteOf(source: ExperimentSource, ports: readonly BottleneckPort[]): Site {
  const { placement } = source.experiment.topology;
  return {
    ports,
    sidecarNodes: [
      ...new Set(Object.keys(source.graph.services).map((service) => placement[service] as string)),
    ],
    baselineCongestionControl: source.experiment.baselineCongestionControl,
  };
}

function planArms(source: ExperimentSource, platform: Platform, site: Site, formName: FormName): ArmPlan[] {
  const { experiment, policy } = source;
  const arms: ArmPlan[] = Object.entries(experiment.arms).map(([name, arm]) => ({
    name,
    description: arm.description,
    sidecars: arm.sidecars,
    layers: arm.layers,
    workloads: experiment.workloads.filter((one) => arm.workloads?.includes(one.name) ?? true),
    layerPlans: LAYERS.filter((layer) => arm.layers.includes(layer.name)).map((layer) =>
      layer.plan(policy, platform, site),
    ),
  }));
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
  const arms = planArms(source, options.platform, siteOf(source, options.ports), options.formName);
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
