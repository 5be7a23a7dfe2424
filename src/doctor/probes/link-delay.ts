import type { Probe } from '../probe.ts';
import { firstLine } from '../tools.ts';

/** Delay on links: netem, or a bridge of our own that a C compiler builds. */
export const linkDelayProbe: Probe = {
  name: 'link-delay',
  serves: 'delay on links of the mininet laboratory',
  async run(context) {
    const { platform } = context;
    if (typeof platform !== 'string' && platform.qdiscs.includes('netem'))
      return { status: 'ok', detail: 'netem' };
    const compiler = await firstLine(context, ['cc', '--version']);
    if (compiler !== undefined)
      return { status: 'ok', detail: `no netem; a delay bridge is built by ${compiler}` };
    return {
      status: 'missing',
      detail: 'neither netem nor a C compiler',
      fix: 'apt-get install gcc libc6-dev, or modprobe sch_netem',
    };
  },
};
