import { runDaemon } from '../core/index.ts';
import { runBridge } from './run.ts';

await runDaemon(runBridge);
