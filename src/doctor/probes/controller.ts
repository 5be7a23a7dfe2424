import type { Probe } from '../probe.ts';
import { firstLine, installed } from '../tools.ts';

/** os-ken: the OpenFlow controller. */
export const controllerProbe: Probe = {
  name: 'controller',
  serves: 'column network',
  run: async (context) => {
    const program = 'import os_ken; print("os-ken", getattr(os_ken, "__version__", ""))';
    return installed(await firstLine(context, ['/usr/bin/python3', '-c', program]), 'python3-os-ken');
  },
};
