import type { Probe } from '../probe.ts';
import { firstLine } from '../tools.ts';

/** Namespaces of an experiment's own: as root at once, else through a user namespace. */
export const namespacesProbe: Probe = {
  name: 'namespaces',
  serves: 'the mininet laboratory without root',
  async run(context) {
    const root = process.getuid?.() === 0;
    const flags = root ? '-nmpf' : '-Urnmpf';
    if ((await firstLine(context, ['unshare', flags, 'true'])) !== undefined) {
      return { status: 'ok', detail: root ? 'as root' : 'through a user namespace' };
    }
    return {
      status: 'missing',
      detail: 'this user may not make namespaces',
      fix: 'run with sudo, or allow user namespaces (Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0)',
    };
  },
};
