export type { Verdict } from './journal.ts';
export type { Manifest } from './manifest.ts';
export {
  type ArmPlan,
  type ExperimentPlan,
  type FormName,
  loadExperimentSource,
  planExperiment,
} from './plan.ts';
export { probePlatform } from './platform.ts';
export { isLocked } from './results-folder.ts';
export { openExperimentLab, type RunEvents, type RunOutcome, runExperiment } from './run.ts';
export { findNewestRun, findRunningTrial, type RunningTrial, readRunningManifest } from './running-trial.ts';
export { type RunTap, tapsOfRun } from './taps.ts';
