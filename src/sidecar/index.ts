export { FIXED_LIMITS } from './limits.ts';
export { type RunContext, runSidecar } from './run.ts';
export { type Sidecar, type SidecarDependencies, startSidecar } from './start.ts';
