import type { Probe } from '../probe.ts';

/** SO_MAX_PACING_RATE on TCP: what the scavenger steers with. */
export const pacingProbe: Probe = {
  name: 'pacing',
  serves: 'the scavenger of column transport',
  async run({ platform }) {
    if (typeof platform === 'string') return { status: 'missing', detail: platform };
    if (platform.pacing) return { status: 'ok', detail: 'SO_MAX_PACING_RATE is accepted' };
    return {
      status: 'missing',
      detail: 'SO_MAX_PACING_RATE is refused',
      fix: 'use a kernel of version 4.13 or newer',
    };
  },
};
