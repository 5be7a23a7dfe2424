import { fileURLToPath } from 'node:url';

export { openReport, type Report, type ReportOptions } from './report.ts';
export { runControlPlane } from './run.ts';
export { type ControlPlane, type ControlPlaneDependencies, startControlPlane } from './start.ts';

/** The script that runs one control plane: `node FILE --config CONFIG`. */
export const CONTROL_PLANE_MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
