import type { Probe } from '../probe.ts';

const LEAST = 24;

/** Node itself: sources run by type stripping, which needs version 24. */
export const nodeProbe: Probe = {
  name: 'node',
  serves: 'everything',
  async run() {
    const major = Number(process.versions.node.split('.')[0]);
    if (major >= LEAST) return { status: 'ok', detail: process.version };
    return {
      status: 'missing',
      detail: process.version,
      fix: 'start it by ./priomesh, which brings its own Node',
    };
  },
};
