import { fileURLToPath } from 'node:url';

export { brokerLayer } from './amqp/broker-layer.ts';
export { networkLayer } from './network-layer.ts';
export { queueLayer } from './queue-layer.ts';
export { runSidecar } from './run.ts';
export { type Sidecar, startSidecar } from './start.ts';
export type { MessageLine, MoveLine, RequestLine, TapLine } from './tap/index.ts';
export { isPassing, readTap, type TapReader } from './tap/reader.ts';

/** The script that runs one sidecar: `node FILE --config CONFIG`. */
export const SIDECAR_MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
