import { fileURLToPath } from 'node:url';

export { FIXED_LIMITS } from './limits.ts';
export { queueLayer } from './queue-layer.ts';
export { type RunContext, runSidecar } from './run.ts';
export { type Sidecar, type SidecarDependencies, startSidecar } from './start.ts';

/** The script that runs one sidecar: `node FILE --config CONFIG`. */
export const SIDECAR_MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
