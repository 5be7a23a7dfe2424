import type { Probe } from '../probe.ts';
import { firstLine, installed } from '../tools.ts';

/** Mininet's Python package, as the system's own interpreter sees it, and the other programs of the laboratory. */
export const mininetProbe: Probe = {
  name: 'mininet',
  serves: 'the mininet laboratory',
  run: async (context) => {
    const program = 'import mininet.net; print("Mininet", mininet.net.VERSION)';
    const version = await firstLine(context, ['/usr/bin/python3', '-c', program]);
    const { programs } = context.lab;
    if (version === undefined || programs.ok) return installed(version, 'mininet');
    return {
      status: 'missing',
      detail: `${version}; ${programs.why}`,
      ...(programs.fix === undefined ? {} : { fix: programs.fix }),
    };
  },
};
