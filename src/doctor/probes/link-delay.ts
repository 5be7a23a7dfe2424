import type { Probe } from '../probe.ts';

/** Delay on links: netem, or a bridge of our own that a C compiler builds. */
export const linkDelayProbe: Probe = {
  name: 'link-delay',
  serves: 'delay on links of the mininet laboratory',
  async run({ lab: { netem, compiler } }) {
    if (netem.ok) return { status: 'ok', detail: 'netem' };
    if (compiler.ok) return { status: 'ok', detail: `no netem; a delay bridge is built by ${compiler.why}` };
    return {
      status: 'missing',
      detail: 'neither netem nor a C compiler',
      fix: 'apt-get install gcc libc6-dev, or modprobe sch_netem',
    };
  },
};
