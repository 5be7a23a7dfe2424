import type { Probe } from '../probe.ts';

/** tc(8): the class tree at the bottleneck. */
export const trafficControlProbe: Probe = {
  name: 'traffic-control',
  serves: 'column kernel, and the rate of every bottleneck',
  async run({ platform }) {
    if (typeof platform === 'string') return { status: 'missing', detail: platform };
    if (!platform.trafficControl) {
      return {
        status: 'missing',
        detail: 'tc may not change interfaces here',
        fix: 'apt-get install iproute2, and run as root or allow user namespaces',
      };
    }
    const detail = `qdiscs ${platform.qdiscs.join(' ')}; filters ${platform.filters.join(' ')}`;
    if (platform.qdiscs.includes('htb')) return { status: 'ok', detail };
    return { status: 'missing', detail, fix: 'modprobe sch_htb' };
  },
};
