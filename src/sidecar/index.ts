export { runSidecar } from './run.ts';
export { type Sidecar, startSidecar } from './start.ts';
