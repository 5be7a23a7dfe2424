import { fileURLToPath } from 'node:url';

/**
 * The bridge between an SDN controller and the mesh: it looks at what the switches count and what waits at their ports,
 * tells sidecars how congested each link is for each class, and moves the classes whose path the controller owns.
 */
export { runBridge } from './run.ts';

/** The program that runs one bridge: `node BRIDGE_MAIN --config FILE`. */
export const BRIDGE_MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
