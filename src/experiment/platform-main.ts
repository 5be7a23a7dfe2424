import { hostExec, type Platform } from '../core/index.ts';
import { probeKernel } from '../kernel-qos/index.ts';
import { rabbitmqVersion } from '../lab/index.ts';
import { probeTransport } from '../transport/index.ts';

const rabbitmq = await rabbitmqVersion();
const platform: Platform = {
  ...(await probeTransport()),
  ...(await probeKernel(hostExec)),
  ...(rabbitmq === undefined ? {} : { rabbitmqVersion: rabbitmq }),
};
process.stdout.write(`${JSON.stringify(platform)}\n`);
