import { runDaemon } from '../core/index.ts';
import { runControlPlane } from './run.ts';

await runDaemon(runControlPlane);
