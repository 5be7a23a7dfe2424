/**
 * The kernel's part of a class: marks on packets and queues at interfaces, through tc(8), nft(8) and sysctl(8).
 * Planning is pure; what is applied can be read back, verified and taken back.
 */
export { type AppliedPort, type ApplyOptions, applyPort } from './apply.ts';
export { recoverJournal } from './journal.ts';
export { isKernelLayerPlan, type KernelLayerPlan, kernelLayer } from './kernel-layer.ts';
export { markLayer } from './mark-layer.ts';
export { type NftPlan, planNftClassification, planNftMarks, socketMarkOf } from './nft-marks.ts';
export { type PlanOptions, planBaselinePort, planPort } from './plan.ts';
export {
  BASELINE_CLASS,
  type CommandStep,
  type PortClass,
  type PortPlan,
  UNMARKED_CLASS,
} from './port-plan.ts';
export { type KernelProbe, probeKernel } from './probe.ts';
export type { KernelFindings, Missing } from './probe-inside.ts';
export type { ClassStatistics } from './statistics.ts';
export { STRATEGIES, type Strategy } from './strategies/index.ts';
