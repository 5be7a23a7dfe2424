import { hostExec } from '../../../src/core/index.ts';
import { applyPort, planPort } from '../../../src/kernel-qos/index.ts';
import { caseStudy, plainKernel, portOf } from '../../unit/kernel-qos/fixture.ts';

const [device, journalFile] = process.argv.slice(2);
if (device === undefined || journalFile === undefined) throw new Error('usage: crash-main DEVICE JOURNAL');
await applyPort(hostExec, planPort(caseStudy, plainKernel, portOf(20_000_000, device)), { journalFile });
process.stdout.write('standing\n');
setInterval(() => undefined, 60_000);
