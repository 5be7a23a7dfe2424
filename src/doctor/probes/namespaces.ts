import type { Probe } from '../probe.ts';

/** Namespaces of an experiment's own: as root at once, else through a user namespace. */
export const namespacesProbe: Probe = {
  name: 'namespaces',
  serves: 'the mininet laboratory without root',
  async run({ lab: { namespaces } }) {
    if (namespaces.ok) {
      return { status: 'ok', detail: process.getuid?.() === 0 ? 'as root' : 'through a user namespace' };
    }
    const detail = `this user may not make namespaces: ${namespaces.why}`;
    return { status: 'missing', detail, ...(namespaces.fix === undefined ? {} : { fix: namespaces.fix }) };
  },
};
