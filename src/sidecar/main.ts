import { runDaemon } from '../core/index.ts';
import { runSidecar } from './run.ts';

await runDaemon(runSidecar);
