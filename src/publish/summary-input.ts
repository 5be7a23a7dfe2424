import { isTrusted, type SummaryInput } from '../analysis/index.ts';
import { classesOf, episodeOf, type Manifest, stepOf, windowOf } from './manifest.ts';
import type { TrialSet } from './trials.ts';

/** Joins manifest and trials into what the analysis takes. */
export function summaryInput(
  manifest: Manifest,
  trials: TrialSet,
  evidence: SummaryInput['evidence'],
): SummaryInput {
  const { experiment } = manifest;
  const arms: Record<string, SummaryInput['arms'][string]> = {};
  for (const [name, arm] of Object.entries(experiment.arms)) {
    arms[name] = {
      layers: arm.layers,
      sidecars: arm.sidecars,
      description: arm.description,
      allWorkloads: experiment.workloads.every((workload) => arm.workloads?.includes(workload.name) ?? true),
    };
  }
  const control = controlArm(manifest, trials);
  const original = control === undefined ? undefined : arms[control.of];
  if (control !== undefined && original !== undefined) {
    arms[control.arm] = {
      ...original,
      description: `A/A control: the same as ${control.of}; what differs is noise.`,
    };
  }
  return {
    experiment: experiment.name,
    title: experiment.title,
    lab: manifest.lab,
    form: manifest.formName,
    window: windowOf(manifest),
    episode: episodeOf(manifest),
    step: stepOf(manifest),
    arms,
    classes: classesOf(manifest).map(({ name, slo }) => ({
      name,
      objective: { latencyMs: slo.latencyMs, goodputBps: slo.goodputBps },
    })),
    timeoutsMs: Object.fromEntries(experiment.workloads.map(({ name, timeoutMs }) => [name, timeoutMs])),
    comparisons: experiment.comparisons.map((one) => ({ ...one, to: one.to ?? one.of })),
    control,
    trials: trials.trials,
    limitations: limitationsOf(manifest),
    audit: {
      trusted: isTrusted(manifest.schedule, trials.trials, experiment.audit?.maxVoidRatio ?? 0.25),
      void: trials.void,
      laboratory: manifest.labLimitations,
    },
    evidence,
  };
}

/** The A/A control is an arm that the experiment file does not name, called after the arm that it repeats. */
function controlArm(manifest: Manifest, { trials }: TrialSet): SummaryInput['control'] {
  const of = manifest.experiment.control?.of;
  if (of === undefined) return undefined;
  const extra = trials.find(({ arm }) => manifest.experiment.arms[arm] === undefined && arm.startsWith(of));
  return extra === undefined ? undefined : { arm: extra.arm, of };
}

/** Every limitation once, with the arms that it touches. */
function limitationsOf(manifest: Manifest): SummaryInput['limitations'] {
  const found = new Map<
    string,
    { layer: string; arms: string[]; what: string; why: string; instead: string }
  >();
  for (const [arm, plans] of Object.entries(manifest.plans)) {
    for (const plan of plans) {
      for (const { what, why, instead } of plan.limitations) {
        const key = [plan.layer, what, why, instead].join('\n');
        const known = found.get(key) ?? { layer: plan.layer, arms: [], what, why, instead };
        known.arms.push(arm);
        found.set(key, known);
      }
    }
  }
  return [...found.values()];
}
