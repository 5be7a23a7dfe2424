import type { Probe } from '../probe.ts';
import { firstLine, installed } from '../tools.ts';

/** Mininet's Python package, as the system's own interpreter sees it. */
export const mininetProbe: Probe = {
  name: 'mininet',
  serves: 'the mininet laboratory',
  run: async (context) => {
    const program = 'import mininet.net; print("Mininet", mininet.net.VERSION)';
    return installed(await firstLine(context, ['/usr/bin/python3', '-c', program]), 'mininet');
  },
};
