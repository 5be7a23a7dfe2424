import { access } from 'node:fs/promises';
import type { Probe } from '../probe.ts';
import { firstLine, installed } from '../tools.ts';

/** Open vSwitch, and whether the kernel has its datapath. */
export const openvswitchProbe: Probe = {
  name: 'openvswitch',
  serves: 'the mininet laboratory',
  run: async (context) => {
    const version = await firstLine(context, ['ovs-vswitchd', '--version']);
    if (version === undefined) return installed(undefined, 'openvswitch-switch');
    const kernel = await access('/sys/module/openvswitch').then(
      () => true,
      () => false,
    );
    const datapath = kernel ? 'kernel datapath' : 'userspace datapath (the kernel module is not loaded)';
    return { status: 'ok', detail: `${version}, ${datapath}` };
  },
};
