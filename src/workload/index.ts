import { fileURLToPath } from 'node:url';

export type { ApplicationConfig } from './application-config.ts';
export type { ReceivedReport, SentReport } from './cross-traffic.ts';
export type { CrossTrafficConfig } from './cross-traffic-config.ts';
export type { GeneratorReport } from './generator-audit.ts';
export type { GeneratorConfig } from './generator-config.ts';
export { openPacer } from './pacer.ts';

/** The script that serves one service of the reference application: `node FILE --config CONFIG`. */
export const APPLICATION_MAIN = fileURLToPath(new URL('./application-main.ts', import.meta.url));

/** The script that drives the workloads: `node FILE --config CONFIG`. */
export const GENERATOR_MAIN = fileURLToPath(new URL('./generator-main.ts', import.meta.url));

/** The script that is one end of a flow of cross traffic: `node FILE --config CONFIG`. */
export const CROSS_TRAFFIC_MAIN = fileURLToPath(new URL('./cross-traffic-main.ts', import.meta.url));
