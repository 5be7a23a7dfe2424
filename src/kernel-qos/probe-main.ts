import { hostExec } from '../core/index.ts';
import { probeInside } from './probe-inside.ts';

process.stdout.write(`${JSON.stringify(await probeInside(hostExec))}\n`);
