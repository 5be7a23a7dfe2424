import type { Probe } from '../probe.ts';
import { firstLine, installed } from '../tools.ts';

/** Open vSwitch, and whether the kernel has its datapath. */
export const openvswitchProbe: Probe = {
  name: 'openvswitch',
  serves: 'the mininet laboratory',
  run: async (context) => {
    const version = await firstLine(context, ['ovs-vswitchd', '--version']);
    const found = installed(version, 'openvswitch-switch');
    return version === undefined
      ? found
      : { ...found, detail: `${version}; ${context.lab.kernelDatapath.why}` };
  },
};
