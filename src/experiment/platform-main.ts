import { hostExec, type Platform } from '../core/index.ts';
import { probeKernel } from '../kernel-qos/index.ts';
import { probeTransport } from '../transport/index.ts';

const platform: Platform = { ...(await probeTransport()), ...(await probeKernel(hostExec)) };
process.stdout.write(`${JSON.stringify(platform)}\n`);
